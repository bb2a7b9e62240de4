"""``vars_prompt``: asked once, before the play."""

from __future__ import annotations

from typing import Any

from weft.engine.state import RunState
from weft.events import Message, VarsAsked, Warned
from weft.model.errors import LoadError, WeftError
from weft.model.nodes import Play, VarsPrompt
from weft.model.values import Trusted
from weft.templating.blocking import evaluate
from weft.vars import PlayVars


async def ask_for_vars(run: RunState, play: Play, play_vars: PlayVars) -> None:
    """Put the answers into ``play_vars``; what `-e` says is not asked for."""
    for prompt in play.vars_prompt:
        if prompt.name in run.options.extra_vars:
            continue
        play_vars.prompted[prompt.name] = await _answer(run, prompt, play_vars)


async def _answer(run: RunState, prompt: VarsPrompt, play_vars: PlayVars) -> Any:
    names = run.variables.scope(None, play=play_vars)
    templar = run.services.templar
    text = str(await evaluate(lambda: templar.render(prompt.prompt, names))) if prompt.prompt else prompt.name
    default = await evaluate(lambda: templar.render(prompt.default, names)) if prompt.default is not None else None
    run.bus.publish(
        VarsAsked(
            name=prompt.name,
            prompt=text,
            private=prompt.private,
            confirm=prompt.confirm,
            default=None if prompt.private else default,  # it may be a secret
            encrypt=prompt.encrypt,
            salt=prompt.salt,
            salt_size=prompt.salt_size,
            unsafe=prompt.unsafe,
        )
    )
    if not run.services.prompter.interactive:
        run.bus.publish(Warned(message="Not prompting as we are not in interactive mode"))
        value = default
    else:
        value = await _ask(run, prompt, text, default)
    if prompt.encrypt and value is not None:
        value = await _encrypted(run, prompt, str(value))
    value = str(value)  # Ansible makes text of a default too, and of nothing
    # what the user types is the user's: it may be a template, unless the prompt says `unsafe`
    return value if prompt.unsafe else Trusted(value, prompt.origin)


async def _ask(run: RunState, prompt: VarsPrompt, text: str, default: Any) -> Any:
    question = f"{text} [{default}]: " if default is not None and not prompt.private else f"{text}: "
    while True:
        answer = await run.services.prompter.ask(question, echo=not prompt.private)
        if not prompt.confirm:
            break
        if answer == await run.services.prompter.ask(f"confirm {text}: ", echo=not prompt.private):
            break
        run.bus.publish(Message(text="***** VALUES ENTERED DO NOT MATCH ****"))
    return answer if answer or default is None else default


async def _encrypted(run: RunState, prompt: VarsPrompt, value: str) -> Any:
    options = {
        key: item for key, item in {"salt": prompt.salt, "salt_size": prompt.salt_size}.items() if item is not None
    }
    hash_password = run.find_filter("password_hash")
    if hash_password is None:
        raise LoadError("the filter password_hash, which `encrypt` needs, was not found", prompt.origin)
    try:
        return await evaluate(lambda: hash_password(value, prompt.encrypt, **options))
    except Exception as error:  # a plugin's own: a library that it needs is missing, say
        raise WeftError(f"The value of {prompt.name!r} can't be encrypted: {error}", prompt.origin) from None
