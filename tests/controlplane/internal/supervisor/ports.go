package supervisor

// Free ports that stay ours.
//
// "Listen on port 0, close, tell the child the number" loses the port to
// somebody else every now and then when many tests start at once. Here a socket
// is bound (not listening, so it gets no connection) for the whole run, and the
// child binds beside it with SO_REUSEPORT. The kernel gives no bound port away
// when it picks one by itself, and refuses it to other users.

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// ports are the three that a control plane needs.
type ports struct {
	etcdClients, etcdPeers, apiServer port
}

// port is a number on 127.0.0.1 and the socket that reserves it.
type port struct {
	socket int
	value  int
}

func reservePorts() (ports, error) {
	var reserved ports
	for _, slot := range []*port{&reserved.etcdClients, &reserved.etcdPeers, &reserved.apiServer} {
		found, err := reservePort()
		if err != nil {
			reserved.release()
			return ports{}, err
		}
		*slot = found
	}
	return reserved, nil
}

// reservePort lets the kernel pick a port. The socket is closed in children.
func reservePort() (port, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return port{}, fmt.Errorf("make a socket: %w", err)
	}
	value, err := bindLoopback(socket)
	if err != nil {
		return port{}, errors.Join(fmt.Errorf("reserve a port on 127.0.0.1: %w", err), unix.Close(socket))
	}
	return port{socket: socket, value: value}, nil
}

func bindLoopback(socket int) (int, error) {
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	address, err := unix.Getsockname(socket)
	if err != nil {
		return 0, err
	}
	bound, ok := address.(*unix.SockaddrInet4)
	if !ok {
		return 0, errors.New("the socket has no IPv4 address")
	}
	return bound.Port, nil
}

func (p ports) release() {
	for _, slot := range []port{p.etcdClients, p.etcdPeers, p.apiServer} {
		if slot.value != 0 {
			// At the end of the process; there is nothing to do about an error.
			_ = unix.Close(slot.socket)
		}
	}
}

func (p port) number() string { return strconv.Itoa(p.value) }

func (p port) url(scheme string) string { return scheme + "://127.0.0.1:" + p.number() }
