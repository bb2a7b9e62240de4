"""The agent: the program that runs on managed hosts. Standard library only, Python 2.7 and 3.6 or later, one thread.

The controller never imports it. ``connection/pack.py`` reads these sources and sends them as one program, in which
they are the package ``weft_agent``; the wire is described in docs/agent-protocol.md. Each module imports only those
above it:

    loader, boot    the start on a host: read the program, check it, make its modules importable
    compat          Python 2 and 3, bytes and text, careful system calls
    frames          the wire's frames
    loop            epoll, timers, children
    process         starting programs, collecting what they write
    host, procs     the machine; other processes
    blobs           the cache of modules
    importer        imports module_utils from that cache
    link            one connection, never blocking
    agent, main     requests and answers; the start of the program
    linger, relay   how a controller finds its agent again
    command, files, locks          operations
    popen           how modules start programs
    runner, zygote, modules        modules: forks of a process that has imported ansible.module_utils once
    jobfiles, supervisor, watches, jobs    jobs: detached, supervised, waited for without polling

Rules: text on the wire, bytes towards the system. Nothing blocks the loop for long: what may is done in a fork.
Secrets are never in arguments or environments of processes, only in pipes, memory, and files with mode 0600. A fork
closes every descriptor it does not need: locks and FIFOs must end with their owner.

Operations are functions ``op_<name>(request)`` in the module that ``agent.OPERATIONS`` names; they are imported when
first asked for, because the time from the first byte to the hello is paid for each host and run.
"""
