n.md('s3', r'''
## 3 · Seven families, one face

Each is one readable file of `dlm_course/families`, with a network of 20,000 to 70,000 weights and the same face: `fit(data, num_steps, generator)`, `sample(num)`, `nll(x)`, `calls_per_sample()`. Diffusion on tokens comes in its two kinds.

| family | it optimises | `nll` of a pair of bins |
| --- | --- | --- |
| **autoregressive** | $\sum_i\log p_\theta(x^i\mid x^{1:i-1})$, given what comes *before* (the slide prints $x_{1:i}$) | exact |
| **coupling flow** | $\log p(z)+\log\lvert\det\partial z/\partial x\rvert$ | bound: the density is exact, the bins are dequantised |
| **VAE** | $\mathbb E_q\log p_\theta(x\mid z)-\mathrm{KL}(q(z\mid x)\,\Vert\,p(z))$ | bound |
| **GAN** | a game: one network makes points, another tells them from data | none |
| **DDPM** | a bound over $T$ noise levels; its squared errors are denoising score matching | bound |
| **flow matching** | $\mathbb E\lVert f_\theta(x_t,t)-(x_1-\varepsilon)\rVert^2$ along the OT path | estimate: an ODE is solved; a bound for the bins |
| **absorbing diffusion** | masked cross-entropies with weight $n/k$: lecture 07 | bound, here computed exactly |
| **uniform diffusion** | the bound of the uniform chain: lectures 02 and 03 | bound, here computed exactly |

All of them now learn the ring from the same 50,000 points, each for some ten to twenty seconds.
''')
n.code('train', r'''
models = {name: train(name, data, seed=0, progress=True) for name in FAMILIES}
''', tags=['nbval-ignore-output'])
n.code('train-claim', r'''
sizes = {name: sum(weight.numel() for weight in model.parameters()) for name, model in models.items()}
assert all(15_000 < size < 80_000 for size in sizes.values()), sizes
print("✓ every family has between 15,000 and 80,000 weights")
''')
n.code('samples', r'''
drawn = {name: draw(model, generator=torch.Generator().manual_seed(1)) for name, model in models.items()}
seen = {name: quality(x, data) for name, x in drawn.items()}
floor = seen["autoregressive"].floor
fig, axes = plt.subplots(2, 4, figsize=(10, 5.2), sharex=True, sharey=True)
for ax, (name, x) in zip(axes.flat, drawn.items(), strict=True):
    ax.imshow(frequencies(x, V).T, origin="lower", cmap="Greys", vmax=float(data.probs.max()))
    ax.set_title(f"{name}: {seen[name].total_variation:.3f}")
fig.suptitle(f"50,000 samples of each; total variation to the truth, whose own samples show {floor:.3f}", size="medium")
plt.show()
''')
n.md('s4', r'''
## 4 · The yardsticks

**Likelihood.** The gap $\mathbb E[-\log p_\theta(x)] - H$: for an exact likelihood the KL from the data; for a bound that and the slack of the bound. To compare bins with densities, the densities pay for a *bin*: a uniform number is added within it, and the logarithm of its volume is taken off. By
Jensen that is a bound of the bin's cost, $-\log P(x)\le\mathbb E_u[-\log p(x+u)]$, with equality only for a density that is flat in every bin; the flow may choose its noise within the bin, which makes it tighter. So the comparison favours families that see the bins as they are: discrete ones. Said once, and to be remembered.

**Quality** is the total variation of the samples' frequencies to the truth, beside its floor. **Coverage** is the share each of the eight modes gets, in units of what is due. **Speed** is network calls one after the other, for it depends least on the machine; samples per second come with it.
''')
n.code('dequantised-claim', r'''
smooth = torch.nn.functional.avg_pool2d(data.probs[None, None], 3, 1, 1)[0, 0]          # some other model, flat in bins
smooth = smooth / smooth.sum()
x = data.sample(20_000, generator=torch.Generator().manual_seed(2))
z = dequantise(x, V, generator=torch.Generator().manual_seed(3))
assert torch.equal(quantise(z, V), x)
flat = -(smooth[x[:, 0], x[:, 1]].log() - log_cell(V, 2))                               # -log of its density at z
assert ((flat - log_cell(V, 2)) - -smooth[x[:, 0], x[:, 1]].log()).abs().max() < 1e-9
tilt = 1 + 0.8 * (2 * ((z[:, 0] + 2) * V / 4 % 1) - 1)                                  # not flat, same mass in each bin
assert float(-(tilt.log()).mean()) > 0.1
print("✓ a density that is flat in each bin pays exactly the bin's -log P; tilted within bins, over 0.1 nats more")
''')
n.code('measure', r'''
gaps = {name: gap(model, data, generator=torch.Generator().manual_seed(4)) for name, model in models.items()}
speed = {name: samples_per_second(model) for name, model in models.items()}
print(f"{'family':22}{'gap, nats':>30}{'variation':>11}{'modes':>14}{'calls':>7}{'samples/s, fastest = 1':>24}")
for name, model in models.items():
    print(f"{name:22}{gaps[name] or 'none'!s:>30}{seen[name].total_variation:11.3f}"
          f"{min(seen[name].modes):7.2f} – {max(seen[name].modes):.2f}{model.calls_per_sample():7}"
          f"{speed[name] / max(speed.values()):24.3f}")
print(f"{'truth':22}{'0':>30}{floor:11.3f}")
''', tags=['nbval-ignore-output'])
