"""Seven families of generative models on one kind of data, with one face: the measurements of lecture 09."""
