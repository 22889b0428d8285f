"""The server of the page: what it does for the page, and what it refuses everybody else."""

import functools
import http.client
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from tests.app.running import Answer, Server
from tests.commands import EXAMPLES, run
from unsynth.app.run import listen
from unsynth.errors import UnsynthError
from unsynth.formats.syx import init_voice, write_bank
from unsynth.tasks.catalogue import load_task

#: A search that only a signal or a button ends.
ENDLESS = {"seconds": 3600, "renders": None}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Names of the jobs of a server that was killed: ``searched``, and ``idle`` ones."""
    return {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, brought: dict[str, str]) -> Iterator[Server]:
    """A server where an earlier one was killed in the middle of a search."""
    pytest.importorskip("starlette")
    pytest.importorskip("dexed")
    killed = Server(tmp_path_factory.mktemp("results"))
    organ = EXAMPLES / "organ.flac"
    brought |= {"searched": killed.bring(organ), "idle": killed.bring(organ, "idle.flac")}
    search(killed, brought["searched"], **ENDLESS)
    killed.wait(brought["searched"], "running")
    killed.end(signal.SIGKILL)
    running = Server(killed.out)
    yield running
    assert running.end() == 0


@pytest.fixture(scope="module")
def first(server: Server) -> dict[str, object]:
    """The job of a search that is done."""
    id = server.bring(EXAMPLES / "organ.flac")
    search(server, id, renders=40)
    job = server.wait(id, "done", "failed")
    assert job["state"] == "done", job["reason"]
    return job


def search(server: Server, id: str, **changes: object) -> dict[str, object]:
    """Ask for a search; without ``changes`` its few renders leave none for a descent."""
    request = {"synth": "dx7", "renders": 18, **changes}
    answer = server.ask("POST", f"/jobs/{id}/search", data=request)
    assert answer.status == 202, answer.body
    job: dict[str, object] = answer.json()
    return job


def bring_patches(server: Server, id: str, name: str, bank: bytes, synth: str = "dx7") -> Answer:
    return server.ask("POST", f"/jobs/{id}/patches?name={name}&synth={synth}", body=bank)


def wait_until(there: Callable[[], object]) -> None:
    end = time.monotonic() + 240
    while not there() and time.monotonic() < end:
        time.sleep(0.05)
    assert there()


@functools.cache
def named_patch() -> dict[str, object]:
    task = load_task("dx7")
    return dict(task.spec.named(task.sample(np.random.default_rng(0))))


def test_servers_that_start_at_once_take_different_ports() -> None:
    first = listen("127.0.0.1", 0, any_port=True)
    port = first.getsockname()[1]
    second = listen("127.0.0.1", port, any_port=True)
    assert second.getsockname()[1] != port
    with pytest.raises(UnsynthError, match="choose another --port"):
        listen("127.0.0.1", port, any_port=False)
    first.close()
    second.close()


@pytest.mark.parametrize("host", ["nobody.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_to_be_changed(host: str) -> None:
    with pytest.raises(UnsynthError, match="choose another --host"):
        listen(host, 0, any_port=True)


def test_ctrl_c_says_nothing_of_the_requests_that_it_cuts_off(tmp_path: Path) -> None:
    pytest.importorskip("starlette")
    server = Server(tmp_path)
    watching, bringing = (http.client.HTTPConnection(server.netloc, timeout=60) for _ in range(2))
    watching.request("GET", "/jobs/events", headers={"Cookie": server.cookie})
    assert watching.getresponse().readline()
    bringing.putrequest("POST", "/sounds?name=half.wav")
    for name, value in (
        ("Cookie", server.cookie),
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", "1000"),
    ):
        bringing.putheader(name, value)
    bringing.endheaders(b"RIFF")
    wait_until(lambda: list(tmp_path.glob(".app/*/half.wav")))
    assert server.end() == 0
    assert server.errors == ""
    assert not list(tmp_path.glob(".app/*"))
    watching.close()
    bringing.close()


def test_sound_becomes_a_result_that_match_would_write(
    server: Server, first: dict[str, Any]
) -> None:
    curve = [score for _, score in first["curve"]]
    assert curve == sorted(curve, reverse=True)
    match = server.ask("GET", f"/matches/{first['match']}").json()
    assert {"patches.syx", "best.wav", "target.wav", "note.mid", "report.html"} <= set(
        match["files"]
    )
    assert match["content"]["renders"] == 40
    # The sound's folder has gone, and the list of results has the match.
    assert not (server.out / ".app" / first["id"]).exists()
    assert match["id"] in [each["id"] for each in server.ask("GET", "/matches").json()]


def test_search_goes_on_from_a_changed_patch_with_locked_values(
    server: Server, first: dict[str, Any]
) -> None:
    match = server.ask("GET", f"/matches/{first['match']}").json()
    patch = match["content"]["candidates"][0]["parameters"]
    patch["feedback"] = 7 - patch["feedback"]
    again = server.ask("POST", f"/matches/{first['match']}/again").json()["id"]
    search(server, again, patch=patch, locks={"feedback": patch["feedback"]})
    second = server.wait(again, "done")["match"]
    content = server.ask("GET", f"/matches/{second}").json()["content"]
    assert "given" in content["before_the_search"]
    for candidate in content["candidates"]:
        assert candidate["parameters"]["feedback"] == patch["feedback"]


def test_search_begins_from_a_file_of_patches(
    server: Server, first: dict[str, Any], tmp_path: Path
) -> None:
    """The server's own result is the file; the second one that is brought takes its place."""
    match = server.ask("GET", f"/matches/{first['match']}").json()
    bank = (Path(match["folder"]) / "patches.syx").read_bytes()
    id = server.bring(EXAMPLES / "organ.flac")
    for name in ("a.syx", "my%2Fbank.syx"):
        assert bring_patches(server, id, name, bank).status == 201
    answer = server.ask("POST", f"/jobs/{id}/search", data={"synth": "dx7", "patches": "a.syx"})
    assert answer.status == 400 and "choose it again" in answer.json()["error"]
    search(server, id, renders=1, patches="my/bank.syx")
    done = server.wait(id, "done", "failed")
    content = server.ask("GET", f"/matches/{done['match']}").json()["content"]
    assert content["settings"]["from"]["file"] == "bank.syx"
    assert content["before_the_search"]["given"]["mss_db"] <= match["mss_db"] + 0.05
    assert not (server.out / ".app" / id).exists()


def test_a_wrong_file_of_patches_is_said_by_its_own_name(server: Server, organ: Path) -> None:
    id = server.bring(organ)
    folder = server.out / ".app" / id
    before = list(folder.iterdir())
    answer = bring_patches(server, id, "..%2Fnone.syx", b"no voices")
    assert answer.status == 400 and answer.json()["error"].startswith("../none.syx: ")
    assert str(server.out) not in answer.json()["error"]
    bank = write_bank([init_voice()])
    answer = bring_patches(server, id, "bank.syx", bank, synth="../other.yaml")
    assert answer.status == 400 and "is not ready" in answer.json()["error"]
    assert list(folder.iterdir()) == before
    for wrong in ({"note": 100}, {"locks": {"algorithm": 33}}, {"patch": {"algorithm": 3}}):
        answer = server.ask("POST", f"/jobs/{id}/search", data={"synth": "dx7", **wrong})
        assert answer.status == 400 and server.jobs()[id]["state"] == "new"
    data = {"synth": "dx7", "patches": "a.syx", "patch": {}}
    assert server.ask("POST", f"/jobs/{id}/search", data=data).status == 422
    # A search that runs keeps its file.
    assert bring_patches(server, id, "bank.syx", bank).status == 201
    search(server, id, **ENDLESS, patches="bank.syx")
    server.wait(id, "running")
    answer = bring_patches(server, id, "other.syx", bank)
    assert answer.status == 400 and "stop it first" in answer.json()["error"]
    assert [path.name for path in (folder / ".patches").iterdir()] == ["bank.syx"]
    server.ask("POST", f"/jobs/{id}/stop?at_once=true")
    server.wait(id, "failed", "done")


def test_searches_wait_for_each_other_and_stop_keeps_the_best(server: Server, organ: Path) -> None:
    first, second = server.bring(organ), server.bring(organ, "second.flac")
    search(server, first, **ENDLESS)
    search(server, second)
    wait_until(lambda: server.jobs()[first]["version"])
    assert server.jobs()[second]["state"] == "waiting"
    assert server.ask("GET", f"/jobs/{first}/best.flac").body[:4] == b"fLaC"
    assert server.ask("GET", f"/jobs/{first}/target.png").body[1:4] == b"PNG"
    assert server.ask("DELETE", f"/jobs/{first}").status == 400  # it runs
    for _ in range(2):  # from two pages
        server.ask("POST", f"/jobs/{first}/stop")
    done = server.wait(first, "done", "failed")
    assert done["state"] == "done"
    content = server.ask("GET", f"/matches/{done['match']}").json()["content"]
    assert content["stopped"]
    assert server.wait(second, "done")["match"] != done["match"]


def test_notes_are_those_of_the_engine(server: Server) -> None:
    task = load_task("dx7")
    patch = named_patch()
    request = {"synth": "dx7", "parameters": patch, "pitch": 60, "duration": 0.5, "seconds": 1.0}
    answer = server.ask("POST", "/play", data=request)
    samples = np.frombuffer(answer.body, "<f4").reshape(int(answer.headers["x-channels"]), -1)
    from unsynth.synths.base import Note

    expected = task.synth().render(
        task.engine_patch(task.spec.from_named(patch)), Note(60, 0.0, 0.5), 1.0
    )
    np.testing.assert_array_equal(samples, expected)
    assert int(answer.headers["x-sample-rate"]) == task.sample_rate


def test_changed_patch_is_written_as_a_file_of_the_synthesizer(server: Server) -> None:
    from unsynth.formats.syx import read_syx

    task, patch = load_task("dx7"), named_patch()
    answer = server.ask(
        "POST", "/patch-file?suffix=.syx", data={"synth": "dx7", "parameters": patch}
    )
    assert "patches.syx" in answer.headers["content-disposition"]
    voice = read_syx(answer.body).voices[0]
    written = task.spec.named(task.from_voice(voice, task.note(task.spec.from_named(patch))))  # type: ignore[attr-defined]
    assert written["algorithm"] == patch["algorithm"]


def test_unfinished_searches_survive_the_server(server: Server, brought: dict[str, str]) -> None:
    searched, jobs = brought["searched"], server.jobs()
    assert jobs[searched]["state"] == "unfinished"
    assert "ended" in jobs[searched]["reason"]
    # A sound that was only looked at is not kept.
    assert brought["idle"] not in jobs
    assert not (server.out / ".app" / brought["idle"]).exists()
    search(server, searched)
    assert server.wait(searched, "done", "failed")["state"] == "done"


def test_a_second_server_leaves_the_searches_of_the_first_alone(
    server: Server, organ: Path
) -> None:
    id = server.bring(organ)
    second = run("app", "--no-browser", "--out", server.out)
    assert second.returncode == 2 and len(second.stderr.splitlines()) == 1
    assert "another `unsynth app` has this folder" in second.stderr
    search(server, id)
    server.wait(id, "done")


def test_dead_search_is_said_and_the_next_one_works(server: Server, organ: Path) -> None:
    id = server.bring(organ)
    search(server, id, **ENDLESS)
    server.wait(id, "running")
    server.ask("POST", f"/jobs/{id}/stop?at_once=true")
    job = server.wait(id, "failed", "done")
    assert job["state"] == "failed" and "the process of the search ended" in job["reason"]
    search(server, id)
    assert server.wait(id, "done", "failed")["state"] == "done"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("zip.wav", b"PK\x03\x04" + b"\0" * 200, "not a sound file"),
        ("empty.wav", b"", "empty"),
        ("silent.wav", "silence", "silent"),
        ("nan.wav", "nan", "NaN"),
    ],
)
def test_bad_sounds_are_refused_in_one_sentence(
    server: Server, tmp_path: Path, name: str, content: bytes | str, sentence: str
) -> None:
    if isinstance(content, str):
        value = 0.0 if content == "silence" else np.nan
        soundfile.write(tmp_path / name, np.full(44_100, value, np.float32), 44_100, "FLOAT")
        content = (tmp_path / name).read_bytes()
    answer = server.ask("POST", f"/sounds?name={name}", body=content)
    if answer.status == 201:  # its samples are looked at when it is listened to
        answer = server.ask("GET", f"/jobs/{answer.json()['id']}/note")
    assert answer.status == 400
    assert sentence in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert str(server.out) not in answer.json()["error"]


def test_a_search_that_fails_calls_the_sound_by_its_name(server: Server, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "offset.wav", np.full(44_100, 0.5), 44_100)
    id = server.bring(tmp_path / "offset.wav")
    search(server, id)
    reason = server.wait(id, "failed")["reason"]
    assert reason.startswith("offset.wav: ") and "silent" in reason


def test_too_large_a_sound_is_refused_before_it_is_sent(server: Server) -> None:
    answer = server.ask(
        "POST", "/sounds?name=a.wav", body=b"", headers={"Content-Length": "3000000000"}
    )
    assert answer.status == 413
    assert "MB" in answer.json()["error"]


def test_ten_minutes_are_matched_where_they_are_loudest(server: Server, tmp_path: Path) -> None:
    sound = np.zeros(600 * 8_000, np.float32)
    sound[3_200_000:3_240_000] = np.sin(2 * np.pi * 220 / 8_000 * np.arange(40_000))
    soundfile.write(tmp_path / "long.wav", sound, 8_000)
    id = server.bring(tmp_path / "long.wav")
    assert server.jobs()[id]["waveform"]["start"] == pytest.approx(400, abs=0.1)
    assert server.ask("GET", f"/jobs/{id}/note").json()["note"] == 57
    assert server.ask("DELETE", f"/jobs/{id}").status == 200


def test_a_lost_connection_leaves_no_part_of_a_sound(server: Server, organ: Path) -> None:
    def parts() -> list[Path]:
        return list((server.out / ".app").glob("*/lost.wav"))

    with socket.create_connection(server.netloc.split(":")) as connection:
        lines = [
            *("POST /sounds?name=lost.wav HTTP/1.1", f"Host: {server.netloc}"),
            *(f"Cookie: {server.cookie}", "Content-Type: application/octet-stream"),
            *("Content-Length: 1000000", "", ""),
        ]
        connection.sendall("\r\n".join(lines).encode() + organ.read_bytes()[:5_000])
        wait_until(parts)
    wait_until(lambda: not parts())
    assert "lost.wav" not in {job["name"] for job in server.jobs().values()}


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_full_disk_is_said_and_loses_nothing(server: Server, organ: Path, tmp_path: Path) -> None:
    import resource

    def limit(size: int) -> None:
        process = psutil.Process(server.process.pid)
        for each in (process, *process.children(recursive=True)):
            resource.prlimit(each.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    id = server.bring(organ)
    search(server, id, **ENDLESS)
    wait_until(lambda: server.jobs()[id]["version"])
    limit(100_000)
    soundfile.write(tmp_path / "large.wav", np.ones(300_000, np.float32), 44_100)
    answer = server.ask("POST", "/sounds?name=a.wav", body=(tmp_path / "large.wav").read_bytes())
    assert answer.status == 507 and "disk full" in answer.json()["error"]
    server.ask("POST", f"/jobs/{id}/stop")
    job = server.wait(id, "done", "failed")
    assert job["state"] == "failed" and "writ" in job["reason"]
    limit(resource.RLIM_INFINITY)
    search(server, id)
    assert server.wait(id, "done", "failed")["state"] == "done"


def test_names_of_sounds_lead_nowhere(server: Server, organ: Path) -> None:
    for name in (
        "../../evil.flac",
        "..%2F..%2Fevil.flac",
        "C:%5Cevil.flac",
        "%2Fetc%2Fpasswd",
        ".",
        "a%00b",
    ):
        id = server.bring(organ, name)
        (sound,) = (server.out / ".app" / id).iterdir()
        assert sound.parent.parent == server.out / ".app"
        server.ask("DELETE", f"/jobs/{id}")
        assert not sound.exists()


def test_only_this_page_may_ask(server: Server) -> None:
    def status(**options: object) -> int:
        return server.ask("GET", "/matches", **options).status  # type: ignore[arg-type]

    assert status() == 200
    assert status(cookie="") == 403
    name, token = server.cookie.split("=", 1)
    for wrong in (token + "x", token[:-1], token.swapcase(), ""):
        assert wrong != token and status(cookie=f"{name}={wrong}") == 403
    assert status(headers={"Host": "example.org"}) == 403
    assert status(headers={"Origin": "http://example.org"}) == 403
    assert status(headers={"Origin": "null"}) == 403
    assert status(headers={"Origin": f"http://{server.netloc}"}) == 200
    answer = server.ask("GET", "/", cookie="")
    assert answer.status == 403
    assert "token" in answer.json()["error"]


def test_answers_forbid_scripts_from_elsewhere_and_framing(server: Server) -> None:
    headers = server.ask("GET", "/").headers
    assert "script-src 'self';" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


def test_results_are_deleted_only_by_name(server: Server, first: dict[str, Any]) -> None:
    kept = Path(server.ask("GET", f"/matches/{first['match']}").json()["folder"])
    folder = shutil.copytree(kept, kept.with_name("copy"))
    (match,) = [
        each for each in server.ask("GET", "/matches").json() if each["folder"] == str(folder)
    ]
    assert server.ask("DELETE", "/matches/..").status == 404
    assert server.ask("GET", f"/matches/{match['id']}/..%2F..%2Fsecret").status == 404
    assert folder.exists()
    assert server.ask("DELETE", f"/matches/{match['id']}").status == 200
    assert not folder.exists() and kept.exists()


def hostile_requests(count: int) -> list[tuple[str, str, bytes | None, dict[str, str]]]:
    """Requests that no page makes: (method, path, body, headers), from a fixed seed."""
    rng = np.random.default_rng(26)
    paths = [
        "/",
        "/synths",
        "/synths/controls",
        "/sounds",
        "/jobs/events?x",
        "/jobs/x",
        "/jobs/x/note",
    ]
    paths += [
        "/jobs/x/search",
        "/jobs/x/patches",
        "/jobs/x/stop",
        "/jobs/x/best.flac",
        "/matches",
        "/matches/x",
        "/play",
    ]
    paths += [
        "/matches/x/again",
        "/matches/x/patch.json",
        "/patch-file",
        "/static/app.js",
        "/static/x",
    ]
    queries = ["", "?synth=../../etc/passwd", "?synth=/etc/passwd", "?start=nan", "?start=-1e400"]
    queries += ["?name=" + "a" * 5000, "?suffix=../x", "?token=wrong", "?token=%ff", "?%00=%00"]
    values = [None, 0, -1, 1e308, 2**70, "x" * 3000, [], {}, True, "../../etc/passwd", "\u202e"]
    keys = ["synth", "parameters", "pitch", "velocity", "duration", "seconds", "renders", "locks"]
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]
    requests = []
    for _ in range(count):
        method, path = rng.choice(methods), rng.choice(paths)
        if path.startswith("/jobs/events"):
            method = "POST"
        document = {str(k): values[rng.integers(len(values))] for k in rng.choice(keys, 4)}
        if rng.random() < 0.5:
            document |= {"synth": "dx7", "parameters": named_patch(), "pitch": 60}
        kind = rng.integers(4)
        body = [None, json.dumps(document).encode(), bytes(rng.bytes(300)), b"[" * 100_000][kind]
        types = ["application/json", "application/octet-stream", "text/html", ""]
        headers = {"Content-Type": str(rng.choice(types))}
        if method == "HEAD":
            body = None
        requests.append((str(method), str(path) + str(rng.choice(queries)), body, headers))
    return requests


def test_hostile_requests_get_an_answer_and_touch_nothing(server: Server) -> None:
    secret = server.out.parent / "secret"
    secret.write_text("secret")
    before = sorted(server.out.parent.rglob("*"))
    for method, path, body, headers in hostile_requests(200):
        answer = server.ask(method, path, body=body, headers=headers)
        assert answer.status < 500 or answer.status in (503, 507), (method, path, body, answer.body)
        assert b"Traceback" not in answer.body
        assert b"root:" not in answer.body
    for id, job in server.jobs().items():
        if job["state"] == "new":
            server.ask("DELETE", f"/jobs/{id}")
    assert sorted(server.out.parent.rglob("*")) == before
    assert server.ask("GET", "/synths").status == 200
