"""What is shown: pictures that are drawn more than once, and explorers with sliders."""

import lazy_loader  # type: ignore[import-untyped]    # it brings no types

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["explorers", "plotting"])
