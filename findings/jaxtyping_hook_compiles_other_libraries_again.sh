#!/usr/bin/env bash
# The import hook of jaxtyping compiles again every library that a hooked module imports.
#
# Library: jaxtyping 0.3.11, with SymPy 1.14.0 as a library that is imported.
# Guess: install_import_hook("mine", ...) changes how the modules of "mine" are compiled, and only
#   those; a library that they import is read from the bytecode that pip has made of it.
# Behaviour: while a module of "mine" runs, the hook has replaced the function of importlib that
#   names bytecode files. So whatever that module is the first to import is looked for under the
#   hook's name too, is not found, and is compiled: all of SymPy here. A second copy of its
#   bytecode is then written beside the first. Where none can be written (PYTHONDONTWRITEBYTECODE,
#   a read-only environment), every process compiles all of it each time: a test suite whose package
#   imports torch, SciPy and Numba took 31 s of CPU to be collected, and 16 s with the copies in
#   place. A library that is imported before the hooked package is left alone.
#
# Output seen:
#   imported by the hooked module: 419 modules of SymPy were compiled again, 14.0 MB of bytecode
#   imported before it:            0
#
# Exits with 1 if jaxtyping behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  jaxtyping==0.3.11 beartype==0.22.9 numpy==2.2.6 sympy==1.14.0
mkdir "$folder/mine"
echo "import sympy" > "$folder/mine/__init__.py"
cat > "$folder/run.py" <<'EOF'
import sys

from jaxtyping import install_import_hook

if sys.argv[1] == "before":
    import sympy
with install_import_hook("mine", "beartype.beartype"):
    import mine
EOF
cat > "$folder/count.py" <<'EOF'
from pathlib import Path

import sympy

copies = list(Path(sympy.__file__).parent.rglob("*jaxtyping*.pyc"))
print(len(copies), round(sum(path.stat().st_size for path in copies) / 1e6, 1))
EOF
cd "$folder"
unset PYTHONDONTWRITEBYTECODE
venv/bin/python run.py before
read -r before _ < <(venv/bin/python count.py)
venv/bin/python run.py inside
read -r inside megabytes < <(venv/bin/python count.py)
echo "imported by the hooked module: $inside modules of SymPy were compiled again," \
  "$megabytes MB of bytecode"
echo "imported before it:            $before"
[ "$before" -eq 0 ] && [ "$inside" -gt 300 ]
