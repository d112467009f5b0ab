"""What erases people, of the opened application."""

from application.avatars import avatars_of
from application.parts import Application
from jobs.erasing import Erasing, ErasingWork
from jobs.handover import Handover
from knowledge.documents import Documents
from reports.research.forgetting import ResearchForgetting


def erasing_of(application: Application) -> Erasing:
    """Make the loop that erases people; one process runs it, which has the reports' folders."""
    database, spool = application.database, application.settings.persistent_dir / "spool"
    research, avatars = (
        ResearchForgetting(database, application.archive.files, application.pack),
        avatars_of(application),
    )
    handover = Handover(database, application.objects, application.archive, research, application.jobs.stopped, spool)
    work = ErasingWork(
        objects=application.objects,
        files=application.archive.files,
        changes=application.changes,
        documents=Documents(database),
        handover=handover,
        conversations=application.conversations,
        spool=spool,
        end_work=application.jobs.end_work_of,
        erase_avatars=None if avatars is None else avatars.erase_all,
    )
    return Erasing(database, work)
