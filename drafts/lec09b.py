n.md('map-text', r'''
**The map of the course.** Three lenses at the left; an arrow means "leads to": by the same idea, by a limit, or by another state space.
''')
n.code('map', r'''
boxes = {"divergence\nminimisation": (0, 2), "likelihood-based\n(AR, VAE)": (1.15, 2.9), "implicit\n(GAN)": (1.15, 1.45),
         "continuous change\nof variables (NF)": (2.35, 2.9), "score-based\n(score matching)": (0, 0.4),
         "DDPM": (1.15, 0), "SDE bridge": (2.35, 1.2), "discrete\ndiffusion": (2.35, 0), "flow matching": (3.5, 1.2)}
arrows = {"divergence\nminimisation": ["likelihood-based\n(AR, VAE)", "implicit\n(GAN)"],
          "likelihood-based\n(AR, VAE)": ["continuous change\nof variables (NF)"],
          "continuous change\nof variables (NF)": ["SDE bridge"],
          "score-based\n(score matching)": ["DDPM", "SDE bridge"],
          "DDPM": ["SDE bridge", "discrete\ndiffusion"], "SDE bridge": ["flow matching"]}
fig, ax = plt.subplots(figsize=(9, 3.8))
ax.set(xlim=(-0.55, 4), ylim=(-0.45, 3.35))
ax.axis("off")
drawn = {name: ax.text(x, y, name, ha="center", va="center", size=9, bbox={
    "boxstyle": "round,pad=0.45", "fc": plotting.COLOURS["absorbing"] if "discrete" in name else "0.92", "ec": "0.6"})
    for name, (x, y) in boxes.items()}
fig.canvas.draw()                                                       # now the boxes have their sizes
for start, ends in arrows.items():
    for end in ends:
        ax.annotate("", boxes[end], boxes[start], arrowprops={
            "arrowstyle": "-|>", "color": "0.4", "shrinkA": 0, "shrinkB": 2, "patchA": drawn[start].get_bbox_patch(),
            "patchB": drawn[end].get_bbox_patch()})
plt.show()
''')
