"""Who may be one person: profiles that identifying events tie together."""

from __future__ import annotations

from collections.abc import Iterable


def group_profiles(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each linked profile to the one that stands for its group; a profile without links is not in it."""
    parents: dict[str, str] = {}

    def root_of(profile: str) -> str:
        root = profile
        while parents.setdefault(root, root) != root:
            root = parents[root]
        while parents[profile] != root:
            parents[profile], profile = root, parents[profile]
        return root

    for one, other in links:
        first, second = sorted((root_of(one), root_of(other)))
        parents[second] = first
    return {profile: root_of(profile) for profile in list(parents)}
