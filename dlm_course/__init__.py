"""dlm_course: the companion package of the course on discrete diffusion language models.

The public names stand in `__init__.pyi`. They load on first use, so that importing the package (or asking its command
line for help) does not wait for torch. The folders are the layers; each imports only folders that stand before it:

    chain       one token: states, schedules, transitions                                   lectures 01 to 03
    bound       the training objective: in discrete and in continuous time                  lectures 03 to 06
    sampling    samplers, exact and heuristic, and the exact law of what each one writes    lecture 08
    text        real text and images; languages whose probabilities are known               beside sampling
    model       the network: training, evaluation, checkpoints, writing                     lecture 07
    families    seven families of generative models behind one face                         lecture 09
    show        pictures and explorers
    course      what runs the course: questions, the student's check, the author's release

`sampling` and `text` do not import each other; `arguments` and `files` serve all, `cli` is the command line.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
