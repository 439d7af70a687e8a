"""An author's way from solutions to exercises.

    tidy        take out of a notebook what merely opening it writes
    execute     run a notebook as a reader would, store its outputs
    release     solutions/NN -> exercises/NN (stubs) and course/released/NN (the package's copy, every verdict ✓)
"""
