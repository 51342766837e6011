package dev.starling.netlink;

import java.nio.ByteBuffer;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/**
 * The few libc calls behind a netlink socket and a network namespace. Numbers are those of Linux on x86 and ARM (asm-generic); each call
 * returns -1 on failure and leaves its reason in {@link #errno}, so ask on the same thread and at once.
 */
public interface LibC {
    LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

    int AF_NETLINK = 16;
    int SOCK_RAW = 3;
    int SOCK_CLOEXEC = 0x80000;
    int NETLINK_ROUTE = 0;
    int NETLINK_XFRM = 6;
    int NETLINK_NETFILTER = 12;
    int SOL_SOCKET = 1;
    int SO_REUSEADDR = 2;
    int SO_RCVBUF = 8;
    int SO_RCVTIMEO = 20;
    int SO_SNDBUFFORCE = 32;
    int AF_INET = 2;
    int AF_INET6 = 10;
    int IPPROTO_IPV6 = 41;
    int SOL_UDP = 17;
    int UDP_ENCAP = 100;
    int IPV6_V6ONLY = 26;
    int SOCK_STREAM = 1;
    int SOCK_DGRAM = 2;
    int SOL_NETLINK = 270;
    int NETLINK_CAP_ACK = 10;
    int NETLINK_EXT_ACK = 11;
    int NETLINK_GET_STRICT_CHK = 12;
    int MSG_TRUNC = 0x20;
    int O_RDONLY = 0;
    int O_CLOEXEC = 0x80000;
    int CLONE_NEWNET = 0x40000000;

    int socket(int domain, int type, int protocol);

    int bind(int descriptor, @In byte[] address, int addressLength);

    int setsockopt(int descriptor, int level, int option, @In byte[] value, int valueLength);

    /** @param address a struct sockaddr */
    @ssize_t long sendto(int descriptor, @In byte[] message, @size_t long length, int flags, @In byte[] address, int addressLength);

    /** @param addressLength the room in {@code address}; then the length of what is there */
    @ssize_t long recvfrom(int descriptor, @Out ByteBuffer buffer, @size_t long length, int flags, @Out byte[] address, @In @Out byte[] addressLength);

    @ssize_t long send(int descriptor, @In byte[] message, @size_t long length, int flags);

    /** @param buffer direct, filled from its position */
    @ssize_t long recv(int descriptor, @Out ByteBuffer buffer, @size_t long length, int flags);

    int open(String path, int flags);

    int close(int descriptor);

    int setns(int descriptor, int kind);

    String strerror(int errno);

    /** Why the last call of this thread failed. */
    static int errno() {
        return LastError.getLastError(Runtime.getRuntime(INSTANCE));
    }

    /** The last failure of this thread as an exception that keeps its number. */
    static NetlinkException failure(String operation) {
        int errno = errno();
        return new NetlinkException(operation, errno, INSTANCE.strerror(errno));
    }
}
