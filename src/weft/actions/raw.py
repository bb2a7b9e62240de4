"""``raw``: text for the host's shell, without Python and without anything around it."""

from __future__ import annotations

from weft.actions.base import ActionContext, Result
from weft.actions.host import run_text


async def raw(context: ActionContext) -> Result:
    """Skipped in check mode; the keyword ``environment`` is not obeyed, as in Ansible."""
    if context.environment:
        context.warn("raw module does not support the environment keyword")
    if context.check:
        return {"skipped": True}
    executable = context.args.get("executable") or None
    result = await run_text(context, str(context.args.get("_raw_params") or ""), executable=executable)
    result["changed"] = True
    if result["rc"] != 0:
        result.update(failed=True, msg="non-zero return code")
    return result
