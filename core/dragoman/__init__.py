"""Dragoman speaks to every machine-learning and annotation platform through one API.

The public names are listed in `__init__.pyi`, once for type checkers and for this module. Each is imported when it is
first used, so that `import dragoman` costs next to nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
