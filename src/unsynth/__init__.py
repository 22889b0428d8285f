"""unsynth: give it a sound, get the synthesizer patch back.

The method is that of B. Hayes, C. Saitis and G. Fazekas, "Audio synthesizer inversion in
symmetric parameter spaces with approximately equivariant flow matching", ISMIR 2025.
"""

__version__ = "0.1.0"
