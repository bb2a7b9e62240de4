"""``pause``: wait some time, or for the person at the terminal."""

from __future__ import annotations

import asyncio
import datetime

from weft.actions.args import Arg, validate
from weft.actions.base import ActionContext, PromptInterrupted, Result
from weft.model.errors import WeftError

_KEYS_HELP = "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)\r"
_SPEC = {
    "echo": Arg(kind="bool", default=True),
    "minutes": Arg(kind=int),
    "seconds": Arg(kind=int),
    "prompt": Arg(),
}


async def pause(context: ActionContext) -> Result:
    """Ends after its time, or at Enter where none is set. Raises WeftError where the user aborts."""
    params = validate(context, _SPEC, mutually_exclusive=(("minutes", "seconds"),))
    seconds = params["minutes"] * 60 if params["minutes"] is not None else params["seconds"]
    unit = "seconds" if params["minutes"] is None and seconds is not None else "minutes"
    if seconds is not None:
        seconds = max(seconds, 1)
    loop = asyncio.get_running_loop()
    began, start = loop.time(), datetime.datetime.now()
    answer = await _wait(context, seconds, params["prompt"], params["echo"])
    passed = loop.time() - began
    shown = round(passed / 60.0, 2) if unit == "minutes" else round(passed, 2)
    return {
        "changed": False,
        "rc": 0,
        "stderr": "",
        "stdout": f"Paused for {shown} {unit}",
        "start": str(start),
        "stop": str(start + datetime.timedelta(seconds=passed)),
        "delta": int(passed),
        "echo": params["echo"],
        "user_input": answer,
    }


async def _wait(context: ActionContext, seconds: int | None, prompt: str | None, echo: bool) -> str:
    hidden = "" if echo else " (output is hidden)"
    label = str(context.task.name or context.name).strip()
    text = f"[{label}]\n{prompt or 'Press enter to continue, Ctrl+C to interrupt'}{hidden}:"
    if seconds is not None:
        context.say(f"Pausing for {seconds} seconds{hidden}")
        if prompt:
            context.say(_KEYS_HELP)
        else:
            text = _KEYS_HELP
    if not context.services.prompter.interactive:
        if seconds is None:
            context.warn("Not waiting for response to prompt as stdin is not interactive")
        else:
            await asyncio.sleep(seconds)
        return ""
    return await _ask(context, text, seconds, echo)


async def _ask(context: ActionContext, text: str, seconds: int | None, echo: bool) -> str:
    ask = context.services.prompter.ask
    shown = echo and seconds is None
    try:
        # with a time to wait no key ends it: only the time, or an interruption
        typed = await ask(text, echo=shown, seconds=seconds, complete=() if seconds is not None else None)
        return typed if seconds is None else ""
    except PromptInterrupted:
        pass
    try:
        return await ask(
            "Press 'C' to continue the play or 'A' to abort \r", echo=shown, complete=("c",), interrupt=("a",)
        )
    except PromptInterrupted:
        raise WeftError("user requested abort!") from None
