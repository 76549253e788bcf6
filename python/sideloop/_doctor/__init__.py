"""What `python -m sideloop doctor` finds: bridges in installed packages, and what is live here.

```text
 1 installed  distributions       ──▶ the files of each
 2 source     one file            ──▶ its findings, of the kinds in `kind` and the peers in `peers`
 3 scan       all of them         ──▶ packages, with what was not read
 4 process    this process        ──▶ what has been patched, and which loops there are
 5 text, data                     ──▶ the report
```
"""
