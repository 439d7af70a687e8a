n.md('s5', r'''
## 5 · Speed against quality

Three families (four, with the uniform chain) can trade one for the other: more steps, better samples. Counted in network calls:
''')
n.code('steps', r'''
curves = {}
for name, budget in FAMILIES.items():
    for num_steps in budget.sampling_steps:
        x = draw(models[name], num_sampling_steps=num_steps, generator=torch.Generator().manual_seed(5))
        curves.setdefault(name, {})[models[name].calls_per_sample(num_steps)] = quality(x, data).total_variation
styles = {"DDPM": ("C0", "o", "-"), "flow matching": ("C2", "s", "-"),
          "absorbing diffusion": (plotting.COLOURS["absorbing"], "o", "-"),
          "uniform diffusion": (plotting.COLOURS["uniform"], "s", "-")}
fig, ax = plt.subplots(figsize=(7.5, 3.8))
for name, curve in curves.items():
    colour, marker, line = styles[name]
    ax.loglog(list(curve), list(curve.values()), line, marker=marker, color=colour, label=name)
two = models["absorbing diffusion"].calls_per_sample()
ax.plot(two, seen["absorbing diffusion"].total_variation, "*", ms=13, color=plotting.COLOURS["absorbing"],
        label="absorbing, one token a call")
ax.axhline(floor, color=plotting.COLOURS["computed"], lw=1, label="floor: samples of the truth")
ax.set(xlabel="network calls a sample", ylabel="total variation to the truth")
ax.set_xticks([1, 2, 5, 10, 20, 50, 100], [1, 2, 5, 10, 20, 50, 100])
ax.minorticks_off()
ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
plt.show()
''')
n.md('law-text', r'''
For the absorbing chain the curve can be *computed*. With two tokens, the perfect denoiser and $L$ steps of the linear schedule, both tokens fall into the same step with probability $1/L$, and then they do not see each other; otherwise the pair is exact. So the law is a mixture, and $\mathrm{TV}_L=\mathrm{TV}_1/L$.
''')
n.code('law-claim', r'''
language = TableLanguage(data.probs)
first = None
for num_steps in (1, 2, 4, 8, 32):
    distance = float(total_variation(lambda_schedule_law(language.denoiser, V, 2, levels(num_steps)), data.probs))
    first = first or distance
    assert abs(distance - first / num_steps) < 1e-10
print("✓ two tokens, linear schedule, perfect denoiser: TV_L = TV_1 / L, to ten digits, for L = 1, 2, 4, 8, 32")
assert total_variation(one_at_a_time_law(language.denoiser, V, 2), data.probs) < 1e-10
print("✓ one token a call: exact, in two calls")
''')
