#!/bin/sh
# shutdown, reboot, halt, poweroff and systemctl of a weft lab host: what restarts or stops it goes to the host's init.
control=/run/weft-lab/control
real=/usr/lib/weft-lab/systemctl
me=${0##*/}

fail() {
    echo "$me: $1" >&2
    exit 1
}

# order NAME SECONDS
order() {
    [ "$(id -u)" = 0 ] || fail "only root can do that"
    [ -p "$control" ] || fail "this is not a running weft lab host"
    echo "$1 $2" > "$control"
}

# seconds TIME: as shutdown(8) takes it: now, +MINUTES, MINUTES, HH:MM
seconds() {
    case $1 in
        now) echo 0 ;;
        *[0-9]:[0-9]*)
            at=$(date -d "$1" +%s 2> /dev/null) || return 1
            left=$((at - $(date +%s)))
            [ "$left" -ge 0 ] || left=$((left + 86400))
            echo "$left"
            ;;
        *)
            minutes=${1#+}
            case $minutes in
                '' | *[!0-9]*) return 1 ;;
            esac
            echo $((minutes * 60))
            ;;
    esac
}

shutdown() {
    what=poweroff
    when=
    for word; do
        case $word in
            --reboot) what=reboot ;;
            --halt | --poweroff) what=poweroff ;;
            --no-wall) ;;
            --*) fail "unrecognized option '$word'" ;;
            -*)
                case $word in
                    *c*) what=cancel ;;
                    *k*) what=warn ;;
                    *r*) what=reboot ;;
                    *[hHP]*) what=poweroff ;;
                    *) fail "invalid option '$word'" ;;
                esac
                ;;
            *) [ -n "$when" ] || when=$word ;;  # words after the time are the message to users
        esac
    done
    case $what in
        warn) return 0 ;;
        cancel) order cancel 0 && return 0 ;;
    esac
    delay=$(seconds "${when:-+1}") || fail "Failed to parse time specification: $when"
    order "$what" "$delay"
    [ "$delay" = 0 ] || echo "$what scheduled in $delay seconds, use 'shutdown -c' to cancel." >&2
}

systemctl() {
    for word; do
        case $word in
            -*) continue ;;
            reboot | kexec | soft-reboot) order reboot 0 && exit 0 ;;
            poweroff | halt) order poweroff 0 && exit 0 ;;
        esac
        break
    done
    [ -x "$real" ] && exec "$real" "$@"
    echo "System has not been booted with systemd as init system (PID 1). Can't operate." >&2
    exit 1
}

case $me in
    shutdown) shutdown "$@" ;;
    reboot) order reboot 0 ;;
    halt | poweroff) order poweroff 0 ;;
    systemctl) systemctl "$@" ;;
    *) fail "unknown command" ;;
esac
