n.md('s2', r'''
## 2 · The continuous side, recalled

A **conditional path** leads from noise ($t = 0$) to one data point $x_1$ ($t = 1$): $x_t = m_t\,x_1 + s_t\,\varepsilon$ with $\varepsilon\sim\mathcal N(0, I)$ held fixed. Three of them, with $\sigma$ and $\alpha$ running backwards as on the slides:

| | mean $m_t$ | noise $s_t$ | field $f(x, x_1, t)$ |
| --- | --- | --- | --- |
| variance exploding (VE) | $1$ | $\sigma_{1-t}$ | $-\frac{\sigma'_{1-t}}{\sigma_{1-t}}(x-x_1)$ |
| variance preserving (VP) | $\alpha_{1-t}$ | $\sqrt{1-\alpha_{1-t}^2}$ | $\frac{\alpha'_{1-t}}{1-\alpha_{1-t}^2}(\alpha_{1-t}\,x-x_1)$ |
| optimal transport (OT) | $t$ | $1-t$ | $\frac{x_1-x}{1-t}$ |

The field is the velocity $\frac{dx_t}{dt}$ with $\varepsilon$ written as $(x-m_t x_1)/s_t$. Check the slides' fields against the derivative of the path:
''')
n.code('paths-claim', r'''
def sigma(s):
    return 0.01 * 500**s                                                # from 0.01 at the data to 5


def alpha(s):
    return torch.exp(-0.05 * s - 4.975 * s**2)                          # from 1 at the data to almost 0


def slope(function, s):
    s = s.clone().requires_grad_()
    return torch.autograd.grad(function(s).sum(), s)[0]


paths = {"VE": (lambda t: torch.ones_like(t), lambda t: sigma(1 - t)),
         "VP": (lambda t: alpha(1 - t), lambda t: (1 - alpha(1 - t) ** 2).sqrt()),
         "OT": (lambda t: t, lambda t: 1 - t)}
fields = {"VE": lambda x, x1, t: -slope(sigma, 1 - t) / sigma(1 - t) * (x - x1),
          "VP": lambda x, x1, t: slope(alpha, 1 - t) / (1 - alpha(1 - t) ** 2) * (alpha(1 - t) * x - x1),
          "OT": lambda x, x1, t: (x1 - x) / (1 - t)}
t = torch.linspace(0.02, 0.98, 49, dtype=torch.float64)
x1, noise = torch.tensor(1.5, dtype=torch.float64), torch.tensor(-0.8, dtype=torch.float64)
for name, (mean, std) in paths.items():
    velocity = slope(lambda t, mean=mean, std=std: mean(t) * x1 + std(t) * noise, t)
    assert (fields[name](mean(t) * x1 + std(t) * noise, x1, t) - velocity).abs().max() < 1e-9, name
print("✓ VE, VP and OT: the fields of the slides are the velocities of their paths")
''')
n.md('trajectories-text', r'''
What is straight about them? Along a *conditional* path of VE only $s_t$ changes, so it runs straight to $x_1$, but at a very uneven speed. OT is straight at constant speed. VP turns: mean and noise change at different times. What a model follows is the **marginal** field, the average of the
conditional ones over the data points that may be meant, $\mathbb E[f(x, x_1, t)\mid x_t = x]$, and that bends for all three.
''')
n.code('trajectories', r'''
targets = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.0, 1.2]], dtype=torch.float64)     # the data: three points
t = torch.linspace(0, 0.99, 400, dtype=torch.float64)


def marginal_field(name, x, t):
    """E[f(x, x_1, t) | x_t = x] over the three targets: (batch, 2)."""
    mean, std = paths[name]
    log_weight = -((x[:, None] - mean(t) * targets) ** 2).sum(-1) / (2 * std(t) ** 2)
    return (log_weight.softmax(-1)[..., None] * fields[name](x[:, None], targets, t)).sum(1)


start = torch.tensor([[0.9, 0.5], [-0.7, 0.4], [0.4, -0.9], [-1.2, -0.3]], dtype=torch.float64)
fig, axes = plt.subplots(2, 3, figsize=(9, 5.6))
for column, (name, (mean, std)) in enumerate(paths.items()):
    for number, noise in enumerate(start):
        line = mean(t)[:, None] * targets[number % 3] + std(t)[:, None] * noise
        axes[0, column].plot(*line.T, color=plotting.COLOURS["sampled"], lw=1)
        axes[0, column].scatter(*line[::40].T, s=8, color=plotting.COLOURS["sampled"])
    x, line = start * std(t[:1]), []
    for before, after in pairwise(t):                                   # small Euler steps
        line.append(x)
        x = x + (after - before) * marginal_field(name, x, before)
    line = torch.stack(line)
    axes[1, column].plot(line[..., 0], line[..., 1], color=plotting.COLOURS["absorbing"], lw=1)
    for ax in axes[:, column]:
        ax.scatter(*targets.T, marker="*", s=70, color=plotting.COLOURS["computed"], zorder=3)
    axes[0, column].set_title(f"{name}, conditional")
    axes[1, column].set_title(f"{name}, marginal")
    for ax in axes[:, column]:
        ax.set(xlim=(-7.5, 5) if name == "VE" else (-1.7, 1.5), ylim=(-5, 3) if name == "VE" else (-1.4, 1.5))
axes[0, 0].set_ylabel("$x^2$; a dot every tenth of the time")
axes[1, 0].set_ylabel("$x^2$")
plt.show()
''')
n.code('trajectories-claim', r'''
def bend_and_pace(points):
    """Length over distance of the ends, 1 for a straight line; the fastest of the steps over the slowest."""
    pieces = points.diff(dim=0).norm(dim=-1)
    return float(pieces.sum() / (points[-1] - points[0]).norm()), float(pieces.max() / pieces.min())


bend, pace = {}, {}
for name, (mean, std) in paths.items():
    line = mean(t)[:, None] * targets[0] + std(t)[:, None] * start[3]
    bend[name], pace[name] = bend_and_pace(line)
assert max(bend["VE"], bend["OT"]) < 1 + 1e-9 < 1.1 < bend["VP"]
assert pace["OT"] < 1 + 1e-6
assert pace["VE"] > 100
print("✓ conditional paths: VE and OT straight, VP longer than the straight line by over a tenth")
print("✓ OT at constant speed; VE over a hundred times faster at the start than at the end")
for name, (_, std) in paths.items():
    x, line = start[1:2] * std(t[:1]), []
    for before, after in pairwise(t):
        line.append(x[0])
        x = x + (after - before) * marginal_field(name, x, before)
    assert bend_and_pace(torch.stack(line))[0] > 1.01
print("✓ marginal flows bend, for all three")
''')
n.md('sde-text', r'''
The marginal field is the **probability-flow ODE**. Noise may be added on the way without changing any marginal, if the drift pays for it with the score: for every $g_t\ge 0$ the **SDE**

$$dx = \Big[\mathbb E[f\mid x] + \tfrac12 g_t^2\,\nabla_x\log p_t(x)\Big]dt + g_t\,dw$$

has the marginals $p_t$ of the ODE, $g = 0$. One number line, two data points, 4000 travellers each way:
''')
n.code('sde-claim', r'''
targets_1d, weights = torch.tensor([-1.0, 0.8], dtype=torch.float64), torch.tensor([0.7, 0.3], dtype=torch.float64)
mean, std = paths["VP"]


def drift_and_score(x, t):
    """The marginal field of VP, and the score of its marginal: averages over the two targets."""
    log_weight = weights.log() - (x[:, None] - mean(t) * targets_1d) ** 2 / (2 * std(t) ** 2)
    share = log_weight.softmax(-1)
    return ((share * fields["VP"](x[:, None], targets_1d, t)).sum(-1),
            (share * (mean(t) * targets_1d - x[:, None]) / std(t) ** 2).sum(-1))


def travel(noise, end, num=4000, num_steps=800):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(num, dtype=torch.float64, generator=generator)
    times = torch.linspace(0.0, end, num_steps + 1, dtype=torch.float64)
    for before, after in pairwise(times):
        drift, score = drift_and_score(x, before)
        step = after - before
        x = x + step * (drift + noise**2 / 2 * score) + noise * step.sqrt() * torch.randn(
            num, dtype=torch.float64, generator=generator)
    return x


places = torch.linspace(-1.5, 1.5, 13, dtype=torch.float64)
for end in (0.6, 0.85):
    moment = torch.tensor(end, dtype=torch.float64)
    exact = torch.special.ndtr((places[:, None] - mean(moment) * targets_1d) / std(moment)) @ weights
    for noise in (0.0, 1.0, 1.5):
        seen = (travel(noise, end)[:, None] < places).double().mean(0)
        assert ((seen - exact).abs() < 5 * (exact * (1 - exact) / 4000).sqrt() + 0.005).all(), (end, noise)
print("✓ ODE and SDEs with g = 1 and 1.5 have the exact marginals at t = 0.6 and 0.85: the cumulative distributions")
print("  agree at 13 places, within 5 standard errors and 0.005 for the finite steps")
''')
n.md('table-text', r'''
Diffusion comes in four kinds, and the course has been in the second row:

| | discrete time $t = 0,\dots,T$ | continuous time $t\in[0,1]$ |
| --- | --- | --- |
| **continuous states** | DDPM, NCSN: `families/ddpm.py` | score SDEs, probability-flow ODE, flow matching: `families/flow_matching.py` |
| **discrete states** | Cat(Q_t x): lectures 01 to 05 | the mask rate λ: lectures 06 to 08 |
''')
