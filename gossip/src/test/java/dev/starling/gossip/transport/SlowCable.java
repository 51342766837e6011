package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** A cable to a peer that carries so many bytes a second in each direction; what is sent faster waits in its buffers and the sender's. */
final class SlowCable implements AutoCloseable {
    private static final int AT_ONCE_BYTES = 2 * 1024;
    /** Below a segment of the loopback device TCP stalls for 200 ms again and again, which no real link does. */
    private static final int QUEUE_BYTES = 128 * 1024;

    /** A sleep takes longer than it should; so much of that is made up for. */
    private static final long MADE_UP_NANOS = 5_000_000;

    private final ServerSocket listening = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final Endpoint target;
    private final long nanosPerByte;

    SlowCable(Endpoint target, int bytesPerSecond) throws IOException {
        this.target = target;
        nanosPerByte = TimeUnit.SECONDS.toNanos(1) / bytesPerSecond;
        start(this::accept);
    }

    Endpoint endpoint() {
        return new Endpoint("127.0.0.1", listening.getLocalPort());
    }

    private void accept() throws IOException {
        while (true) {
            Socket near = listening.accept();
            Socket far = new Socket();
            far.setReceiveBufferSize(QUEUE_BYTES);
            far.connect(new InetSocketAddress(target.host(), target.port()));
            near.setTcpNoDelay(true);
            far.setTcpNoDelay(true);
            sockets.addAll(List.of(near, far));
            start(() -> pump(near.getInputStream(), far.getOutputStream()));
            start(() -> pump(far.getInputStream(), near.getOutputStream()));
        }
    }

    private void pump(InputStream in, OutputStream out) throws IOException {
        byte[] buffer = new byte[AT_ONCE_BYTES];
        long free = System.nanoTime();
        int n;
        while ((n = in.read(buffer)) >= 0) {
            free = Math.max(free, System.nanoTime() - MADE_UP_NANOS) + n * nanosPerByte;
            long wait = free - System.nanoTime();
            if (wait > 0) {
                try {
                    TimeUnit.NANOSECONDS.sleep(wait);
                } catch (InterruptedException e) {
                    return;
                }
            }
            out.write(buffer, 0, n);
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException closed) {
                // the test is over, or an end was closed
            }
        }, "slow cable");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        listening.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
