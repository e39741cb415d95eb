"""A task by name: one that ships, or one of another package."""

from typing import TYPE_CHECKING

from sdr_ota.plugins import TASKS, PluginError, find_reference, load_reference

if TYPE_CHECKING:
    from zo_core.language.tasks import PromptTask, QuestionTask


def named_task(name: str) -> "PromptTask | QuestionTask":
    """Return the task of a name.

    Args:
        name: Of a task that ships, an entry point of ``sdr_ota.tasks``, or
            ``package.module:NAME`` of a task or of a function without arguments that returns one.

    Raises:
        DataError: If there is none, or a plug-in gives none.
    """
    from zo_core.data.examples import DataError  # noqa: PLC0415 - torch is optional and slow
    from zo_core.language.tasks import TASKS as SHIPPED  # noqa: PLC0415
    from zo_core.language.tasks import task_by_name  # noqa: PLC0415

    if name in SHIPPED:
        return task_by_name(name)
    try:
        reference = find_reference(TASKS, name)
        if reference is not None:
            return _foreign_task(name, load_reference(reference))
    except PluginError as useless:
        raise DataError(f"task {name!r}: {useless}") from useless
    return task_by_name(name)  # which says what there is


def _foreign_task(name: str, found: object) -> "PromptTask | QuestionTask":
    """Return the task that a plug-in is, or makes."""
    from zo_core.language.tasks import PromptTask, QuestionTask  # noqa: PLC0415

    if callable(found):
        try:
            found = found()
        except Exception as failed:
            raise PluginError(
                f"{name} cannot be made: {type(failed).__name__}: {failed}"
            ) from failed
    if not isinstance(found, PromptTask | QuestionTask):
        raise PluginError(
            "it should be a PromptTask or QuestionTask (zo_core.language.tasks), or a function "
            f"without arguments that returns one, not {found!r}"
        )
    return found
