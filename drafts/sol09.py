from nb import NB
n=NB()
n.md('title', r'''
# Exercises 09 · Course overview

Six tasks, about an hour and a half, 12 points. They go with [lecture 09](../lectures/09_course_overview.ipynb).

Dots say how hard a task is, from ●○○ to ●●●. Replace each `...` by your answer and run the check below it: `✓` it passes, `✗` it does not and why, `○` not answered yet.
`dlm-course check 09` in a terminal (*File → New → Terminal*) runs the whole file; `dlm-course reset 09` gives you a fresh one
and keeps yours. Each task is judged with correct versions of the tasks before it, so a mistake is counted once. Use torch; the package's
families are not needed.
''')
n.code('setup', r'''
import math

import torch

from dlm_course.checks import check
''')
n.md('task-1', r'''
## Task 09-1 · An exact likelihood

●○○ · 10 minutes · 2 points

An autoregressive model factorises $p(x)=\prod_{i=1}^n p(x^i\mid x^{1:i-1})$. (The slide prints $p(x_i\mid x_{1:i})$, in which every symbol is given itself.) Return $\log p(x)$ of each text.
''')
n.answer('09-1-log-likelihood', 2, r'''
# Task 09-1
def log_likelihood(conditional, x):
    """log p of each text, in nats.

    conditional  a function: prefixes (B, j), integers, j = 0..n-1 -> probabilities of the next symbol (B, V), float64
    x            (B, n), integers 0..V-1, n >= 1
    returns      (B,), floating point
    """
    ### BEGIN SOLUTION
    factors = [conditional(x[:, :i]).gather(-1, x[:, i:i + 1])[:, 0] for i in range(x.shape[1])]
    return torch.stack(factors, -1).log().sum(-1)
    ### END SOLUTION
''')
n.md('hint-1', r'''
<details><summary>Hint</summary>

<code>x[:, :0]</code> is the empty prefix, of shape (B, 0). <code>gather</code> picks the probability of the symbol that stands there.
</details>
''')
n.checkcell('09-1-log-likelihood',2)
n.md('task-2', r'''
## Task 09-2 · A change of variables

●●○ · 15 minutes · 2 points

A coupling flow draws $z^1,z^2\sim\mathcal N(0,1)$ and returns

$$x^1=z^1,\qquad x^2=e^{s(x^1)}\,z^2+t(x^1).$$

Return $\log p(x)$ of each point.
''')
n.answer('09-2-flow-log-prob', 2, r'''
# Task 09-2
def flow_log_prob(x, log_scale, shift):
    """log p of each point, in nats.

    x          (B, 2), floating point
    log_scale  a function s: (B,) -> (B,)
    shift      a function t: (B,) -> (B,)
    returns    (B,), floating point
    """
    ### BEGIN SOLUTION
    s, t = log_scale(x[:, 0]), shift(x[:, 0])
    z = torch.stack([x[:, 0], (x[:, 1] - t) * (-s).exp()], -1)
    return (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(-1) - s
    ### END SOLUTION
''')
n.md('hint-2', r'''
<details><summary>Hint</summary>

$\log p(x) = \log p(z) + \log\left|\det\frac{\partial z}{\partial x}\right|$. How long is the interval of $z^2$ that becomes an interval of length 1 of $x^2$? A normal density has a normaliser.
</details>
''')
n.checkcell('09-2-flow-log-prob',2)
n.md('question-1', r'''
**Think, then unfold.** A flow is trained on bins, dequantised by a uniform number in each bin. Could its −log p, in bins, come out *below* the entropy of the bins?

<details><summary>Answer</summary>

Not on average over the data. By Jensen −log P(bin) ≤ E<sub>u</sub>[−log p(x + u)], and the mean of −log P(bin) is at least the entropy, whatever the model. It can if the bins are left as they are, without noise: a density can pile up on a finite set of points as high as it likes, and
its "likelihood" grows without end.
</details>
''')
n.md('task-3', r'''
## Task 09-3 · A bound

●●○ · 15 minutes · 2 points

A VAE with a decoder of bins: $p(x\mid z)=\prod_i \mathrm{Cat}(x^i\mid\text{logits}^i)$, prior $p(z)=\mathcal N(0, I)$, encoder $q(z\mid x)=\mathcal N(\mu,\mathrm{diag}(\sigma^2))$. The decoder was run at one $z$ drawn from the encoder. Return the estimate of the bound from that draw, with the KL in closed form:

$$\log p(x\mid z)-\mathrm{KL}(q(z\mid x)\,\|\,p(z)).$$
''')
n.answer('09-3-vae-bound', 2, r'''
# Task 09-3
def vae_bound(logits, x, mean, log_var):
    """The bound of each point, in nats.

    logits         (B, n, K), floating point: the decoder's, at one z drawn from the encoder
    x              (B, n), integers 0..K-1
    mean, log_var  (B, d), floating point: the encoder's mu, and log sigma^2
    returns        (B,), floating point
    """
    ### BEGIN SOLUTION
    log_p = logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(-1)
    kl = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(-1)
    return log_p - kl
    ### END SOLUTION
''')
n.md('hint-3', r'''
<details><summary>Hint</summary>

KL(N(μ, σ²) ‖ N(0, 1)) = (μ² + σ² − log σ² − 1)/2 for each latent number. It is 0 for μ = 0, σ = 1.
</details>
''')
n.checkcell('09-3-vae-bound',2)
n.md('task-4', r'''
## Task 09-4 · The two conditional fields

●●○ · 20 minutes · 2 points

Paths from noise ($t=0$) to a data point $x_1$ ($t=1$), as on the slides:

$$\text{VE:}\quad p_t(x\mid x_1)=\mathcal N\!\big(x_1,\ \sigma_{1-t}^2 I\big),\qquad\text{VP:}\quad p_t(x\mid x_1)=\mathcal N\!\big(\alpha_{1-t}\,x_1,\ (1-\alpha_{1-t}^2) I\big).$$

A sample travels as $x_t=\text{mean}_t+\text{std}_t\,\varepsilon$ with $\varepsilon$ held fixed. Return the two fields, $\frac{d x_t}{dt}$ written as a function of the place $x=x_t$. (They stand on the slide; derive them.)
''')
n.answer('09-4-conditional-fields', 2, r'''
# Task 09-4
def conditional_fields(x, x1, t, sigma, d_sigma, alpha, d_alpha):
    """The velocities of VE and VP at x.

    x, x1           (B, n), floating point: the place at time t, and the data point of each path
    t               float, 0 < t < 1
    sigma, d_sigma  functions of a time from 0 (data) to 1 (noise) -> (): sigma and its derivative
    alpha, d_alpha  the same for alpha, 0 < alpha < 1
    returns         (2, B, n), floating point: VE, then VP
    """
    ### BEGIN SOLUTION
    s = 1 - t
    ve = -d_sigma(s) / sigma(s) * (x - x1)
    vp = d_alpha(s) / (1 - alpha(s) ** 2) * (alpha(s) * x - x1)
    return torch.stack([ve, vp])
    ### END SOLUTION
''')
n.md('hint-4', r'''
<details><summary>Hint</summary>

With mean m<sub>t</sub> x<sub>1</sub> and standard deviation s<sub>t</sub>: the velocity is m' x<sub>1</sub> + s' ε, and ε = (x − m x<sub>1</sub>)/s. Derivatives with respect to t; d(1 − t)/dt = −1.
</details>
''')
n.checkcell('09-4-conditional-fields',2)
n.md('task-5', r'''
## Task 09-5 · A distance, and its floor

●●● · 25 minutes · 3 points

$N$ samples of a model came up $c_k$ times with outcome $k$; the truth $p$ is known. Return

- the total variation $\frac12\sum_k\left|\frac{c_k}N-p_k\right|$, and
- its **floor**: what $N$ samples *of the truth itself* show on average, $\frac12\sum_k\mathbb E\left|\frac{C_k}N-p_k\right|$ with $C_k\sim\mathrm{Binomial}(N,p_k)$, exactly.
''')
n.answer('09-5-tv-and-floor', 3, r'''
# Task 09-5
def tv_and_floor(p, counts):
    """The total variation of the samples to p, and what N true samples show on average.

    p        (K,), float64, sums to 1; zeros and ones may occur
    counts   (K,), integers: how often each outcome came up; N, their sum, is at most 50
    returns  (2,), floating point
    """
    ### BEGIN SOLUTION
    num = int(counts.sum())
    floor = 0.0
    for k in range(num + 1):
        chance = math.comb(num, k) * p**k * (1 - p) ** (num - k)        # 0 ** 0 is 1
        floor = floor + (chance * (k / num - p).abs()).sum() / 2
    return torch.stack([(counts / num - p).abs().sum() / 2, floor])
    ### END SOLUTION
''')
n.md('hint-5', r'''
<details><summary>Hint</summary>

E|C/N − p| is a sum over the N + 1 values of C, each with its binomial probability, <code>math.comb(N, k) * p**k * (1 - p)**(N - k)</code>. N is small: no approximation is needed.
</details>
''')
n.checkcell('09-5-tv-and-floor',3)
n.md('question-2', r'''
**Think, then unfold.** A model shows a total variation of 0.031 with 50,000 samples, where the floor is 0.024. How far is it really from the truth: 0.007?

<details><summary>Answer</summary>

No: floor and distance do not add up. Errors at random signs fill in where the model's own deviations are large already. A model at a true distance of 0.02 may well show 0.031. What is certain: 0.031 is little above the floor, and more samples lower the floor, as one over their root, but not
the distance.
</details>
''')
n.md('task-6', r'''
## Task 09-6 · A place on the trilemma

●○○ · 10 minutes · 1 point

A mystery sampler was measured: samples, the truth $p$, and which outcomes belong to which mode. Return three numbers:

- **quality**: the share of the samples that lie in some mode;
- **coverage**: the share of the modes that get at least *half* of what is due to them, their probability under $p$;
- **speed**: 1 over the number of network calls a sample.
''')
n.answer('09-6-place', 1, r'''
# Task 09-6
def place(samples, p, modes, num_calls):
    """Quality, coverage, speed.

    samples    (N,), integers: outcomes 0..K-1
    p          (K,), float64: the truth
    modes      (M, K), boolean: modes[m, k] says that outcome k belongs to mode m; modes do not overlap
    num_calls  int >= 1: network calls a sample
    returns    (3,), floating point
    """
    ### BEGIN SOLUTION
    frequency = torch.bincount(samples, minlength=len(p)).double() / len(samples)
    shares, due = modes.double() @ frequency, modes.double() @ p
    return torch.stack([shares.sum(), (shares >= due / 2).double().mean(), torch.tensor(1 / num_calls).double()])
    ### END SOLUTION
''')
n.md('hint-6', r'''
<details><summary>Hint</summary>

<code>torch.bincount</code> counts outcomes; a boolean matrix, made a number, times frequencies adds them up mode by mode.
</details>
''')
n.checkcell('09-6-place',1)
n.md('question-3', r'''
**Think, then unfold.** Two mystery samplers: one at (0.99, 0.5, 1), one at (0.93, 1, 0.02). Which family might each be, and which number would tell you more than all three?

<details><summary>Answer</summary>

The first draws in one call, sharp, and has lost half of the modes: it looks like a GAN. The second draws in 50 calls, misses nothing and is a little blurred: a diffusion model or a flow with few steps. A likelihood, if it has one, would tell more: a KL from the data counts what is missing *and* how
much, and does not depend on what we call a mode.
</details>

**Next** the [capstone](10_capstone.ipynb): a model on a text of your own. `dlm-course check 09` shows where you stand.
''')
n.save('solutions/09_course_overview.ipynb')
