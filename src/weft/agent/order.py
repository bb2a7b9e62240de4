"""Requests that are begun once another one has ended well, as if they had been sent when its answer had come.

Comes after ``agent``; imported when the first such request arrives. What is not begun has no effect whatever, and is
answered with the error ``not-run``.
"""

from __future__ import absolute_import, division, print_function

from . import compat


def put_behind(request, number):
    """Begin a request once the one with that number has ended well; at once if it has."""
    agent = request.agent
    request.waits = request.gated = True
    request.on_cancel = lambda reason: refuse(request)
    before = agent.running.get(number)
    if before is None:
        go_on(request, agent.ended_well(number))
    elif before.followers is None:
        before.followers = [request]
    else:
        before.followers.append(request)


def followed(request, well):
    """A request has ended: what waits for it goes on in the next round, when the answer is on its way."""
    for follower in request.followers:
        request.agent.loop.soon(lambda follower=follower: go_on(follower, well))


def go_on(request, well):
    """The one before it has ended. Without a link it goes on waiting: nobody would hear of it."""
    agent = request.agent
    if agent.running.get(request.number) is not request:
        return  # called off meanwhile
    if not well:
        refuse(request)
    elif agent.link is None:
        agent.held.append(request)
    else:
        request.waits = request.gated = False
        request.on_cancel = None
        request.begun = compat.clock()
        agent.begin(request)


def release(agent):
    """The controller is back."""
    held, agent.held = agent.held, []
    for request in held:
        go_on(request, True)


def refuse(request):
    request.error("not-run", "%s: what had to end well before it did not, or it was called off" % request.op)


def op_revoke(request):
    """The ``revoke`` operation: what has not begun is not to begin any more."""
    running = request.agent.running
    for number in request.args.get("ids") or ():
        target = running.get(number)
        if target is not None and target.gated:
            refuse(target)
    request.reply({})
