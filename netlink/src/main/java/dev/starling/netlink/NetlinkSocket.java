package dev.starling.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A netlink socket of one family (rtnetlink, netfilter's or XFRM's): sends requests, reads every answer, and turns the kernel's errors into exceptions.
 *
 * <p>The kernel works on a request while it is sent and queues the answers, so the size of a batch is bounded by what the receive buffer
 * can hold: {@value #BATCH} acks at a time. A socket belongs to the namespace of the thread that opened it. Calls are serialised.
 */
public final class NetlinkSocket implements AutoCloseable {
    private static final int BATCH = 100;
    private static final int RECEIVE_BYTES = 64 * 1024; // the kernel makes dump datagrams of at most 32 KiB
    private static final int SOCKET_BUFFER_BYTES = 1 << 20;
    private static final int ANSWER_TIMEOUT_SECONDS = 5;
    private static final int DUMP_ATTEMPTS = 10;

    private final int descriptor;
    private final ByteBuffer received = ByteBuffer.allocateDirect(RECEIVE_BYTES).order(ByteOrder.nativeOrder());
    private int sequence;
    private boolean closed;

    private NetlinkSocket(int descriptor) {
        this.descriptor = descriptor;
    }

    /** For rtnetlink, in the caller's network namespace. */
    public static NetlinkSocket open() {
        return open(LibC.NETLINK_ROUTE);
    }

    /** For nf_tables and connection tracking, in {@code namespace}. */
    public static NetlinkSocket netfilter(NetNs namespace) {
        return namespace.call(() -> open(LibC.NETLINK_NETFILTER));
    }

    /** For security associations and policies, in {@code namespace}. */
    public static NetlinkSocket xfrm(NetNs namespace) {
        return namespace.call(() -> open(LibC.NETLINK_XFRM));
    }

    private static NetlinkSocket open(int protocol) {
        int descriptor = LibC.INSTANCE.socket(LibC.AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC, protocol);
        if (descriptor < 0) {
            throw LibC.failure("socket AF_NETLINK, protocol " + protocol);
        }
        NetlinkSocket socket = new NetlinkSocket(descriptor);
        try {
            socket.configure();
            return socket;
        } catch (RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** In the network namespace behind {@code netns}. */
    public static NetlinkSocket openIn(Path netns) {
        return openIn(NetNs.at(netns));
    }

    public static NetlinkSocket openIn(NetNs namespace) {
        return namespace.call(NetlinkSocket::open);
    }

    private void configure() {
        ByteBuffer address = nativeBuffer(12).putShort((short) LibC.AF_NETLINK); // struct sockaddr_nl: family, pad, pid 0, groups 0
        if (LibC.INSTANCE.bind(descriptor, address.array(), address.capacity()) != 0) {
            throw LibC.failure("bind AF_NETLINK");
        }
        // struct timeval has two C longs
        ByteBuffer timeout = jnr.ffi.Runtime.getSystemRuntime().addressSize() == 8
            ? nativeBuffer(16).putLong(ANSWER_TIMEOUT_SECONDS) : nativeBuffer(8).putInt(ANSWER_TIMEOUT_SECONDS);
        if (LibC.INSTANCE.setsockopt(descriptor, LibC.SOL_SOCKET, LibC.SO_RCVTIMEO, timeout.array(), timeout.capacity()) != 0) {
            throw LibC.failure("setsockopt SO_RCVTIMEO");
        }
        // What follows makes answers better; an older kernel refuses and still works.
        option(LibC.SOL_SOCKET, LibC.SO_RCVBUF, SOCKET_BUFFER_BYTES);
        option(LibC.SOL_NETLINK, LibC.NETLINK_CAP_ACK, 1);
        option(LibC.SOL_NETLINK, LibC.NETLINK_EXT_ACK, 1);
        option(LibC.SOL_NETLINK, LibC.NETLINK_GET_STRICT_CHK, 1);
    }

    private void option(int level, int name, int value) {
        LibC.INSTANCE.setsockopt(descriptor, level, name, nativeBuffer(4).putInt(value).array(), 4);
    }

    /** @throws NetlinkException if the kernel refuses it with an error that the request does not tolerate */
    public void execute(Request request) {
        executeAll(List.of(request));
    }

    /**
     * Sends all requests, in order and in few system calls, and reads all acks. The kernel goes on after a request that fails, and so does this.
     *
     * @throws NetlinkException the first failure; later ones are its suppressed exceptions
     */
    public synchronized void executeAll(List<Request> requests) {
        List<NetlinkException> failures = new ArrayList<>();
        for (int from = 0; from < requests.size(); from += BATCH) {
            failures.addAll(executeBatch(requests.subList(from, Math.min(from + BATCH, requests.size()))));
        }
        throwFirst(failures);
    }

    private List<NetlinkException> executeBatch(List<Request> requests) {
        int base = sequence + 1;
        send(requests, Message.FLAG_ACK);
        List<NetlinkException> failures = new ArrayList<>();
        for (int pending = requests.size(); pending > 0; ) {
            for (Message message : receive(requests.get(0).operation())) {
                int index = message.sequence() - base;
                if (message.type() == Message.TYPE_ERROR && index >= 0 && index < requests.size()) {
                    pending--;
                    Request request = requests.get(index);
                    if (message.error() != 0 && !request.tolerates(message.error())) {
                        failures.add(failure(request, message));
                    }
                }
            }
        }
        return failures;
    }

    /**
     * Sends {@code batch} in one datagram and without acks, then {@code marker}, a request with one answer. Answers come in order, so once the
     * marker is answered every error of the batch has been read. Netfilter takes a batch whole or not at all, and wants it in one datagram.
     *
     * @return the marker's answer
     * @throws NetlinkException the batch's first failure, the others suppressed
     */
    public synchronized Message commit(List<Request> batch, Request marker) {
        int base = sequence + 1;
        option(LibC.SOL_SOCKET, LibC.SO_SNDBUFFORCE, Math.max(SOCKET_BUFFER_BYTES, 2 * datagramBytes(batch)));
        send(batch, 0);
        send(List.of(marker), 0);
        List<NetlinkException> failures = new ArrayList<>();
        while (true) {
            for (Message message : receive(batch.get(0).operation())) {
                int index = message.sequence() - base;
                if (message.sequence() == sequence) {
                    throwFirst(failures);
                    if (message.type() == Message.TYPE_ERROR) {
                        throw failure(marker, message);
                    }
                    return message;
                }
                if (message.type() == Message.TYPE_ERROR && index >= 0 && index < batch.size() && message.error() != 0) {
                    failures.add(failure(batch.get(index), message));
                }
            }
        }
    }

    private static void throwFirst(List<NetlinkException> failures) {
        if (!failures.isEmpty()) {
            NetlinkException first = failures.get(0);
            failures.stream().skip(1).forEach(first::addSuppressed);
            throw first;
        }
    }

    /**
     * A request with one answer.
     *
     * @throws NetlinkException the kernel's error
     */
    public synchronized Message get(Request request) {
        send(List.of(request), 0);
        while (true) {
            for (Message message : receive(request.operation())) {
                if (message.sequence() == sequence) {
                    if (message.type() == Message.TYPE_ERROR) {
                        throw failure(request, message);
                    }
                    return message;
                }
            }
        }
    }

    /** All answers to a dump. A dump that the kernel marks as inconsistent, since something changed meanwhile, is done again. */
    public synchronized List<Message> dump(Request request) {
        for (int attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
            List<Message> answers = new ArrayList<>();
            if (dumpOnce(request, answers)) {
                return answers;
            }
        }
        throw new NetlinkException(request.operation(), Errno.EINTR, "changed during each of " + DUMP_ATTEMPTS + " dumps");
    }

    private boolean dumpOnce(Request request, List<Message> answers) {
        send(List.of(request), Message.FLAG_DUMP);
        boolean consistent = true;
        while (true) {
            for (Message message : receive(request.operation())) {
                if (message.sequence() != sequence) {
                    continue;
                }
                consistent &= (message.flags() & Message.FLAG_DUMP_INTERRUPTED) == 0;
                switch (message.type()) {
                    case Message.TYPE_ERROR, Message.TYPE_DONE -> {
                        if (message.error() != 0) {
                            throw failure(request, message);
                        }
                        return consistent;
                    }
                    case Message.TYPE_NOOP -> { }
                    default -> answers.add(message);
                }
            }
        }
    }

    private void send(List<Request> requests, int flags) {
        if (closed) {
            throw new IllegalStateException("netlink socket is closed");
        }
        int length = datagramBytes(requests);
        ByteBuffer datagram = nativeBuffer(length);
        for (Request request : requests) {
            Message.write(datagram, request.type(), request.flags() | flags | Message.FLAG_REQUEST, ++sequence, request.body());
        }
        if (LibC.INSTANCE.send(descriptor, datagram.array(), length, 0) != length) {
            throw LibC.failure(requests.get(0).operation() + ": send");
        }
    }

    private static int datagramBytes(List<Request> requests) {
        return requests.stream().mapToInt(request -> Message.HEADER + MessageWriter.align(request.body().length)).sum();
    }

    /** One datagram, as copies that outlive the next. */
    private List<Message> receive(String operation) {
        received.clear();
        long length;
        do {
            length = LibC.INSTANCE.recv(descriptor, received, RECEIVE_BYTES, LibC.MSG_TRUNC);
        } while (length < 0 && LibC.errno() == Errno.EINTR);
        if (length < 0 && LibC.errno() == Errno.EAGAIN) {
            throw new NetlinkException(operation, Errno.EAGAIN, "no answer within " + ANSWER_TIMEOUT_SECONDS + " s");
        }
        if (length < 0) {
            throw LibC.failure(operation + ": recv");
        }
        if (length > RECEIVE_BYTES) {
            throw new NetlinkException(operation, Errno.EMSGSIZE, "answer of " + length + " bytes, room for " + RECEIVE_BYTES);
        }
        byte[] copy = new byte[(int) length];
        received.get(copy);
        return Message.parseAll(ByteBuffer.wrap(copy));
    }

    private static NetlinkException failure(Request request, Message message) {
        String text = message.errorText();
        String reason = LibC.INSTANCE.strerror(message.error());
        return new NetlinkException(request.operation(), message.error(), text.isEmpty() ? reason : reason + ": " + text);
    }

    private static ByteBuffer nativeBuffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            LibC.INSTANCE.close(descriptor);
        }
    }
}
