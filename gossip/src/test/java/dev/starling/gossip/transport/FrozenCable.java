package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A cable to a peer that can be cut without either end noticing: after {@link #cut} nothing passes, and nothing is closed. */
final class FrozenCable implements AutoCloseable {
    private final ServerSocket listening = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final Endpoint target;
    private volatile boolean cut;

    FrozenCable(Endpoint target) throws IOException {
        this.target = target;
        start(this::accept);
    }

    Endpoint endpoint() {
        return new Endpoint("127.0.0.1", listening.getLocalPort());
    }

    void cut() {
        cut = true;
    }

    private void accept() throws IOException {
        while (true) {
            Socket near = listening.accept();
            Socket far = new Socket(target.host(), target.port());
            sockets.addAll(List.of(near, far));
            start(() -> pump(near.getInputStream(), far.getOutputStream()));
            start(() -> pump(far.getInputStream(), near.getOutputStream()));
        }
    }

    private void pump(InputStream in, OutputStream out) throws IOException {
        byte[] buffer = new byte[8192];
        int n;
        while (!cut && (n = in.read(buffer)) >= 0) {
            if (!cut) {
                out.write(buffer, 0, n);
            }
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
        }, "cable");
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
