package supervisor

import (
	"context"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The point of a reservation: the child can listen, nobody else can.
func TestAReservedPortIsForOurChildAlone(t *testing.T) {
	reserved, err := reservePorts()
	if err != nil {
		t.Fatal(err)
	}
	defer reserved.release()
	address := "127.0.0.1:" + reserved.apiServer.number()

	if listener, err := net.Listen("tcp", address); err == nil {
		listener.Close()
		t.Error("a stranger could listen on the reserved port")
	}
	child := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failure error
		err := raw.Control(func(socket uintptr) {
			failure = unix.SetsockoptInt(int(socket), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return err
		}
		return failure
	}}
	listener, err := child.Listen(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	// The reserving socket does not listen, so every connection is the child's.
	for range 20 {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		connection.Close()
	}
}
