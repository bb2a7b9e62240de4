"""The compatibility lane, seen from the controller: a process with ansible-core in it, and talks with its workers.

What weft has no native way for (third-party action plugins, connections such as winrm, other become methods) runs in
workers that ``content.lane`` forks, one for each task. Comes after ``connection``; ``actions.lane`` fills in requests.
"""

from weft.lane.lane import Lane
from weft.lane.talk import Answers, WorkerFailed

__all__ = ["Answers", "Lane", "WorkerFailed"]
