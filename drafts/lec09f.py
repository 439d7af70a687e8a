n.md('s6', r'''
## 6 · Cheat-sheet and trilemma, redrawn

The slides' cheat-sheet in words, and beside it what was measured on this data. Quality, coverage and speed are the corners of the slides' triangle; a likelihood is none of them, so it is a fourth axis.
''')
n.code('trilemma', r'''
words = {"autoregressive": "likelihood ✓, slow (sequential)", "coupling flow": "likelihood ✓, fast (1 step)",
         "VAE": "lower bound, fast (1 step)", "GAN": "no likelihood, fast (1 step)",
         "DDPM": "bound / est., slow (many steps)", "flow matching": "est. / bound, medium-fast",
         "absorbing diffusion": "bound / CE-like, iterative", "uniform diffusion": "bound / CE-like, iterative"}
rows = list(models)[::-1]
columns = {"quality:\nvariation above the floor": {name: max(seen[name].total_variation - floor, 1e-3) for name in rows},
           "coverage:\nleast share of a mode": {name: min(seen[name].modes) for name in rows},
           "speed:\nnetwork calls a sample": {name: models[name].calls_per_sample() for name in rows},
           "likelihood:\ngap to the entropy, nats": {name: gaps[name] and max(gaps[name].mean, 1e-3) for name in rows}}
fig, axes = plt.subplots(1, 4, figsize=(11, 3.8), sharey=True)
for ax, (title, values) in zip(axes, columns.items(), strict=True):
    for place, name in enumerate(rows):
        if values[name] is not None:
            ax.plot(values[name], place, "o", ms=8, color=plotting.COLOURS["absorbing" if "diffusion" in name else "sampled"])
        else:
            ax.text(0.5, place, "none", ha="center", va="center", transform=ax.get_yaxis_transform())
    ax.set_title(title, size="small")
    ax.grid(axis="y", color="0.9")
    if title.startswith("coverage"):
        ax.set_xlim(-0.05, 1.1)
    else:
        ax.set_xscale("log")
        ax.invert_xaxis()                                               # better is to the right in all four
axes[0].set_yticks(range(len(rows)), [f"{name}\n{words[name]}" for name in rows], size="small")
plt.show()
''')
