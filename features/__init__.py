"""Pure feature logic: a state, a fold, an evaluation. No clock, no network."""
