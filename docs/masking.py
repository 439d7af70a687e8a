"""Draw docs/masking.png, the picture of the README: python docs/masking.py"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from dlm_course import AbsorbingTransition, Schedule, plotting
from dlm_course.text.corpora import CharTokenizer

SENTENCE = "structure is not in the noise; it is learned by the reverse model."

plotting.set_theme()
tokenizer = CharTokenizer.from_text(SENTENCE)
x0 = tokenizer.encode(SENTENCE)
chain = AbsorbingTransition(tokenizer.num_states, Schedule.linear(4), mask_id=tokenizer.mask_id)
path = chain.sample_path(x0, generator=torch.Generator().manual_seed(4))

n = len(SENTENCE)
fig, ax = plt.subplots(figsize=(9.5, 2.1))
plotting.passage("".join(tokenizer.decode(path)), width=n, ax=ax)
for t in range(len(path)):
    ax.text(-1.5, -t, f"λ = {float(chain.schedule.mask_rate(t)):.2f}", ha="right", va="center", size=9)
arrow = {"arrowstyle": "->", "color": "0.4"}
ax.annotate("the chain masks", (n + 0.5, -4.4), (n + 0.5, 0.4), size=8, rotation=90, va="top", ha="center",
            arrowprops=arrow)
ax.annotate("the model fills in", (n + 3, 0.4), (n + 3, -4.4), size=8, rotation=90, va="bottom", ha="center",
            arrowprops=arrow)
ax.set(xlim=(-7, n + 4))
fig.savefig(Path(__file__).with_suffix(".png"), dpi=110)
