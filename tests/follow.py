"""Follow a page that shows files and a shell, word by word: `python follow.py PAGE`.

What it shows is written and typed in the current folder, with what is on the PATH, by whoever has
nothing else (scripts/follow). What pip prints is not compared. Each command has a process of its
own; an environment that is activated is that of all that come after.
"""

import re
import shutil
import sys
from pathlib import Path

from transcripts import Command, File, run, steps, write


def main() -> None:
    here, python = Path.cwd(), shutil.which("python") or shutil.which("python3")
    assert python is not None
    programs, typed = Path(python).parent, 0
    for step in steps(Path(sys.argv[1])):
        if isinstance(step, File):
            write(step, here)
            print(f"wrote {step.name}")
        else:
            any_output = step.typed.startswith("pip ")
            run(Command(step.typed, "...\n") if any_output else step, here, programs)
            if activated := re.fullmatch(r"\. ([\w/]+)/activate", step.typed):
                programs = here / activated[1]
            typed += 1
            print(f"$ {step.typed}", flush=True)
    print(f"{typed} commands did what the page says")


if __name__ == "__main__":
    main()
