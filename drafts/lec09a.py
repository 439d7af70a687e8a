n.md('title', r'''
# 09 · Course overview: seven families, measured

The slides close with a cheat-sheet and a trilemma: which family of generative models is good at what. They are slogans. Here all families get the same data, whose distribution is known, the same small budget and the same yardsticks, and the slogans are held against numbers.

**After this lecture you can**
- say what each of seven families optimises, and which of the three lenses it looks through;
- compare likelihoods fairly: exact, bound, estimate, none; of bins, or of densities;
- measure quality, coverage and speed, and know the noise of each measure;
- draw the conditional paths of diffusion and flow matching, and say what is straight about them and what is not;
- judge a slogan by a measurement, and say when it does not carry over.

**You need** lectures [02](02_uniform_vs_absorbing.ipynb) to [08](08_mdlm_sampling.ipynb). Flows, VAEs, GANs and diffusion in continuous space are recalled here, each in a line and a readable file of `dlm_course/families`.

**Time** about an hour and a half to read; everything runs in about four minutes on a laptop CPU.

**In the slides** "Recap of Previous Lecture" (the continuous side) and "Course Overview". Symbols: [NOTATION.md](../NOTATION.md).
''')
n.code('setup', r'''
SETUP_GOES_HERE
''')
n.md('s1', r'''
## 1 · The problem, through three lenses

Learn $p_\theta$ that matches $p_\text{data}$. The data here: pairs of bins $x = (x^1, x^2)$ of a $32\times 32$ grid. For a discrete family a pair is a text of two tokens; for a continuous one, a point in the plane. The probability of each of the 1024 pairs is known exactly.
''')
n.code('data', r'''
data, other = ring(), spiral()
V = data.vocab_size
H = float(data.entropy())
points = data.sample(50_000, generator=torch.Generator().manual_seed(0))
fig, axes = plt.subplots(1, 2, figsize=(7, 3.4))
for ax, shape in zip(axes, (data, other), strict=True):
    ax.imshow(shape.probs.T, origin="lower", cmap="Greys")
    ax.set(title=f"{shape.name}: entropy {float(shape.entropy()):.2f} nats", xlabel="$x^1$, bin", ylabel="$x^2$, bin")
plt.show()
''')
n.md('lenses-text', r'''
**Lens 1, divergences.** $D(p_\text{data}\,\|\,p_\theta)$, but which? Four wrong models of the ring, and what the divergences say of each:
''')
n.code('lenses', r'''
p = data.probs
lost = p.clone()
lost[24:, 12:20] = 0                                                    # the mode on the right is missing
wrong = {"too broad": ring(spread=2 * 0.0275).probs, "one mode lost": lost / lost.sum(),
         "10 % anywhere": 0.9 * p + 0.1 / V**2, "shifted by a bin": p.roll(1, 0)}


def jensen_shannon(p, q):
    middle = (p + q) / 2
    return (kl(p.flatten(), middle.flatten()) + kl(q.flatten(), middle.flatten())) / 2


def wasserstein(p, q):
    """W_1 of the marginals of x^1, in bins: the area between the two cumulative distributions."""
    return (p.sum(1) - q.sum(1)).cumsum(0).abs().sum()


measures = {"KL(data || model)": lambda q: kl(p.flatten(), q.flatten()),
            "KL(model || data)": lambda q: kl(q.flatten(), p.flatten()),
            "Jensen-Shannon": lambda q: jensen_shannon(p, q),
            "total variation": lambda q: total_variation(p, q),
            "Wasserstein of $x^1$": lambda q: wasserstein(p, q)}
table = torch.tensor([[float(measure(q)) for measure in measures.values()] for q in wrong.values()])
fig, ax = plt.subplots(figsize=(8, 2.4))
ax.imshow((table / table.where(table.isfinite(), 0).amax(0)).nan_to_num(posinf=1), cmap="Blues", vmax=2, aspect="auto")
for (i, j), value in np.ndenumerate(table.numpy()):
    ax.text(j, i, "∞" if np.isinf(value) else f"{value:.2f}", ha="center", va="center")
ax.set_xticks(range(len(measures)), measures)
ax.set_yticks(range(len(wrong)), wrong)
ax.tick_params(length=0)
plt.show()
''')
n.code('lenses-claim', r'''
row = dict(zip(wrong, table.tolist(), strict=True))
assert row["one mode lost"][0] == float("inf")
assert abs(row["one mode lost"][1] - np.log(1 / float(lost.sum()))) < 1e-6
print("✓ a lost mode: KL(data || model) is infinite, KL(model || data) only the log of what is kept, inverted")
assert row["10 % anywhere"][0] < 0.11 < row["10 % anywhere"][1]
print("✓ a tenth anywhere: the other way round, KL(data || model) is small, below 0.11, and the reverse larger")
assert (table[:, 2] < np.log(2)).all()
assert (table[:, 3] <= 1).all()
print("✓ Jensen-Shannon never exceeds log 2, total variation never 1")
assert abs(row["shifted by a bin"][4] - 1) < 0.01
assert row["shifted by a bin"][3] > row["10 % anywhere"][3]
print("✓ only the Wasserstein distance knows that a shift by one bin is a small thing: it is 1 bin")
''')
n.md('likelihood-text', r'''
KL(data ‖ model) fears what the model lacks, KL(model ‖ data) what it makes up. Remember that when a family is praised for its samples.

**Lens 2, likelihood.** $\mathbb E[-\log p_\theta(x)] = H + \mathrm{KL}(p_\text{data}\,\|\,p_\theta)$: maximising the likelihood minimises the first of these divergences. With $H$ known, the **gap** of a likelihood to $H$ *is* that KL.

**Lens 3, scores.** Learn $\nabla_x\log p(x)$ instead: no normaliser needed. Its blind spot, in one dimension: two far modes with the wrong *weights* have nearly the same score wherever there are data. Noise joins the modes, and the difference shows; that is why diffusion learns the scores of all noise levels.
''')
n.code('scores', r'''
z = torch.linspace(-30, 30, 20_001, dtype=torch.float64)


def two_modes(weight, sigma):
    """log p and its derivative: modes at -4 and 4 of variance 1, with noise of standard deviation sigma on top."""
    variance = 1 + sigma**2
    parts = torch.stack([np.log(w) - (z - centre) ** 2 / (2 * variance) for w, centre in ((weight, 4), (1 - weight, -4))])
    log_p = parts.logsumexp(0) - 0.5 * np.log(2 * np.pi * variance)
    return log_p, (parts.softmax(0) * torch.stack([-(z - 4) / variance, -(z + 4) / variance])).sum(0)


noise_levels = np.array([0.0, 0.5, 1, 2, 3, 4, 6, 8])
fisher, divergence = [], []
for sigma in noise_levels:
    (log_p, score_p), (log_q, score_q) = two_modes(0.5, sigma), two_modes(0.9, sigma)
    fisher.append(float(torch.trapezoid(log_p.exp() * (score_p - score_q) ** 2, z)))
    divergence.append(float(torch.trapezoid(log_p.exp() * (log_p - log_q), z)))
fig, ax = plt.subplots(figsize=(6.5, 3))
ax.semilogy(noise_levels, fisher, marker="o", color=plotting.COLOURS["sampled"], label="scores: mean squared difference")
ax.semilogy(noise_levels, divergence, marker="s", color=plotting.COLOURS["computed"], label="KL, nats")
ax.set(xlabel="noise added to both, standard deviation", title="weights 1/2, 1/2 against 9/10, 1/10")
ax.legend(frameon=False)
plt.show()
''')
n.code('scores-claim', r'''
assert fisher[0] < 0.02 * divergence[0]
assert max(fisher) > 5 * fisher[0]
print("✓ without noise the scores differ by less than 1/50 of what the KL says; with some noise over five times as much")
mass = two_modes(0.5, 0.0)[0].exp()
assert abs(float(torch.trapezoid(mass, z)) - 1) < 1e-10
numeric = (two_modes(0.9, 1.0)[0][2:] - two_modes(0.9, 1.0)[0][:-2]) / (z[2:] - z[:-2])
assert (numeric - two_modes(0.9, 1.0)[1][1:-1]).abs().max() < 1e-4
print("✓ the density integrates to 1, and the score is its derivative")
''')
