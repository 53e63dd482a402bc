"""The floor under `/recommend`: one empty BentoML handler as BentoML comes: `python -m bench.empty_service PORT`."""

from __future__ import annotations

import sys

import bentoml
import uvicorn

from stack.ports import LOOPBACK


class Empty:
    """Does nothing, over HTTP."""

    @bentoml.api(route="/empty")  # type: ignore[untyped-decorator]
    async def empty(self) -> dict[str, str]:
        """Nothing."""
        return {}


def main() -> None:
    """Serve on the port that the first argument names."""
    app = bentoml.service(name="empty", workers=1)(Empty).to_asgi(is_main=True)
    uvicorn.run(app, host=LOOPBACK, port=int(sys.argv[1]), log_config=None, server_header=False)


if __name__ == "__main__":
    main()
