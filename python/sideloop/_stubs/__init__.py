"""Stubs: what type checkers see of modules that hold twins of classes, functions and modules.

```text
 1 infer       sources        ──▶ the types of what has no annotation, by mypy, in a process
   skeleton    a source       ──▶ the module's own stub, in which nothing is wrapped
 2 scope       a name         ──▶ what it is there, and where it comes from
 3 annotation  an async type  ──▶ the type of its sync view
   hook        … of a callable  ──▶ what sync code may pass for one
 4 function    an async def   ──▶ the def of its twin
 5 twin        a class        ──▶ the class of its twin
   bases       its bases      ──▶ those of its twin, or their members
 6 module      a module       ──▶ its stub, with the twins in it
 7 package     a package      ──▶ the stubs of the modules that need one
```

What is wrapped, and by what name it is known, is read off the imported modules; signatures are
read off their sources, and documentation.
"""
