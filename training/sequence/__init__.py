"""The two-tower whose user tower is a causal transformer over the recent sequence."""
