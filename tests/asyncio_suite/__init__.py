"""CPython's own `test.test_asyncio`, with its loops replaced by ours and compared, test by test.

```text
 options     which modules, which configurations                    __main__
 modules     in what order                                          modules
 processes   one a module, started again past a hang                process ── plan ──▶ child
 loops       replaced before the module is imported                                     replace
 verdicts    written down as each test starts and ends              journal ◀────────── recorder
 baseline    what the interpreter's own loop makes of the module    baseline
 comparison  what passes there must pass on ours                    compare, exclusions
 again       what did not, alone and then in its module             run
 report      counts, REGRESSIONS, N passed, N failed                report
```
"""
