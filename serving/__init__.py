"""The recommendation service: reads features at the moment of asking, ranks, explains, degrades, never fails."""
