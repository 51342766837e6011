package dev.starling.gossip.transport;

import dev.starling.gossip.Endpoint;
import dev.starling.gossip.NodeId;
import dev.starling.gossip.trust.PeerIdentity;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.NetUtil;
import java.net.InetSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/**
 * One TLS channel, from the open socket to its end:
 * <pre>
 *   HANDSHAKE    -- TLS done, certificate good, node not barred --> HELLO        sends its hello
 *   HELLO        -- the peer's hello ---------------------------> ESTABLISHED   frames flow
 *   any          -- error, deadline, silence, idle, close -------> CLOSED       pending requests fail
 * </pre>
 * Nothing that arrives before ESTABLISHED is looked at but the hello, and the decoder is behind TLS. All methods run on the event
 * loop thread.
 */
final class Connection extends SimpleChannelInboundHandler<Frame> implements Frame.Receiver {
    private enum Phase { HANDSHAKE, HELLO, ESTABLISHED, CLOSED }

    private static final int MAX_REASON_LENGTH = 200;
    private static final long ARRIVING_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final Switchboard owner;
    private final TransportConfig config;
    private final TlsContexts tls;
    private final Endpoint dialled; // null: inbound
    private final Map<Long, Outbound.Call> pendingCalls = new HashMap<>();
    private Phase phase = Phase.HANDSHAKE;
    private Channel channel;
    private PeerIdentity peer;
    private Endpoint claimed;
    private long lastCallId;
    private int callsBeingHandled;
    private final SendQueue queue;
    private final Intake intake;
    private boolean owed; // the peer has something of ours to react to, since owedSinceNanos
    private long owedSinceNanos;
    private boolean pinged;
    private long lastFrameNanos = System.nanoTime();
    private long arrivingToldNanos = lastFrameNanos;
    private boolean orderly;

    Connection(Switchboard owner, TransportConfig config, TlsContexts tls, Endpoint dialled) {
        super(Frame.class);
        this.owner = owner;
        this.config = config;
        this.tls = tls;
        this.dialled = dialled;
        this.queue = new SendQueue(config);
        this.intake = new Intake(config.maxFrameBytes());
    }

    // ---- life

    @Override
    public void channelActive(ChannelHandlerContext context) {
        channel = context.channel();
        owner.opened(this);
        channel.eventLoop().schedule(this::endOfHandshakeTime, config.handshakeTimeout().toNanos(), TimeUnit.NANOSECONDS);
        context.fireChannelActive();
    }

    private void endOfHandshakeTime() {
        if (phase == Phase.HANDSHAKE || phase == Phase.HELLO) {
            refuse(RefusedConnection.TOO_SLOW, "no handshake within " + config.handshakeTimeout().toMillis() + " ms");
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof SslHandshakeCompletionEvent handshake) {
            if (handshake.isSuccess()) {
                handshakeDone(context.pipeline().get(SslHandler.class));
            } else {
                refuse(RefusedConnection.of(handshake.cause()), handshake.cause().getMessage());
            }
        }
        context.fireUserEventTriggered(event);
    }

    private void handshakeDone(SslHandler ssl) {
        if (phase != Phase.HANDSHAKE) {
            return;
        }
        try {
            peer = tls.peer(ssl.engine().getSession());
        } catch (RuntimeException e) {
            refuse(RefusedConnection.of(e), e.getMessage());
            return;
        }
        if (!isBarred()) {
            phase = Phase.HELLO;
            write(new Frame.Hello(Frame.VERSION, config.advertise()));
        }
    }

    /** Ends the connection where it is. */
    private boolean isBarred() {
        boolean barred = owner.isBarred(peer.id());
        if (barred) {
            refuse(RefusedConnection.REMOVED_NODE, "node " + peer.id() + " was removed from the cluster");
        }
        return barred;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, Frame frame) {
        if (phase == Phase.CLOSED) {
            return;
        }
        if ((phase == Phase.ESTABLISHED) == frame instanceof Frame.Hello) {
            refuse("unexpected " + frame.getClass().getSimpleName() + " frame");
            return;
        }
        lastFrameNanos = System.nanoTime();
        owner.counters().framesIn.increment();
        Frame.Taken told = intake.took(frame);
        if (told != null) {
            write(told);
        }
        frame.deliverTo(this);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (cause instanceof TooLongFrameException) {
            owner.counters().oversizeFrames.increment();
        }
        refuse(phase == Phase.HANDSHAKE ? RefusedConnection.of(cause) : RefusedConnection.NO_HELLO,
                cause.getCause() != null && cause.getCause().getMessage() != null ? cause.getCause().getMessage() : String.valueOf(cause.getMessage()));
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        end(RefusedConnection.CLOSED_BY_PEER, "closed by the peer");
        context.fireChannelInactive();
    }

    /** Ends the connection because of what the peer did or did not do; some of {@code why} may be the peer's own words. */
    void refuse(String why) {
        refuse(RefusedConnection.NO_HELLO, why);
    }

    /** {@code reason} counts where the connection was not established yet. */
    void refuse(RefusedConnection reason, String why) {
        String text = String.valueOf(why);
        end(reason, text.length() <= MAX_REASON_LENGTH ? text : text.substring(0, MAX_REASON_LENGTH) + "...");
    }

    /** Ends the connection without alarm on either side. */
    void sayGoodbye(String why) {
        if (phase == Phase.ESTABLISHED) {
            orderly = true;
            write(new Frame.Goodbye());
        }
        end(RefusedConnection.TOO_MANY_CONNECTIONS, why);
    }

    private void end(RefusedConnection reason, String why) {
        if (phase == Phase.CLOSED) {
            return;
        }
        boolean wasEstablished = phase == Phase.ESTABLISHED;
        phase = Phase.CLOSED;
        for (Outbound.Call call : Map.copyOf(pendingCalls).values()) {
            call.fail(TransportException.lost(toString(), why));
        }
        pendingCalls.clear();
        owner.counters().droppedFrames.add(queue.clear());
        if (channel != null) {
            channel.close();
        }
        owner.ended(this, wasEstablished, orderly, reason, why);
    }

    // ---- frames in

    @Override
    public void on(Frame.Hello hello) {
        if (hello.version() != Frame.VERSION) {
            refuse("the peer speaks version " + hello.version() + " of the transport, this node speaks " + Frame.VERSION);
            return;
        }
        if (isBarred()) { // since its handshake
            return;
        }
        claimed = hello.advertised();
        phase = Phase.ESTABLISHED;
        owner.established(this);
    }

    @Override
    public void on(Frame.Message message) {
        owner.received(peer, message.payload());
    }

    @Override
    public void on(Frame.Request request) {
        RequestHandler handler = owner.handler(request.subject());
        if (handler == null) {
            answer(new Frame.Failure(request.id(), Frame.Failure.Code.NO_HANDLER, "nothing handles '" + request.subject() + "' here"));
            return;
        }
        if (callsBeingHandled >= config.maxConcurrentRequests()) {
            answer(new Frame.Failure(request.id(), Frame.Failure.Code.BUSY, "already " + callsBeingHandled + " requests of this node in work"));
            return;
        }
        callsBeingHandled++;
        CompletionStage<byte[]> stage;
        try {
            stage = handler.handle(peer, request.payload());
        } catch (RuntimeException e) {
            handled(request.id(), null, e);
            return;
        }
        stage.whenComplete((reply, error) -> channel.eventLoop().execute(() -> handled(request.id(), reply, error)));
    }

    private void handled(long id, byte[] reply, Throwable error) {
        callsBeingHandled--;
        if (error != null) {
            Throwable cause = error.getCause() != null && error instanceof CompletionException ? error.getCause() : error;
            answer(new Frame.Failure(id, Frame.Failure.Code.FAILED, cause.getMessage() != null ? cause.getMessage() : cause.toString()));
            return;
        }
        Frame.Reply frame = new Frame.Reply(id, reply);
        answer(frame.size() <= config.maxFrameBytes() ? frame
                : new Frame.Failure(id, Frame.Failure.Code.FAILED, "the reply of " + reply.length + " bytes is over the frame cap of " + config.maxFrameBytes()));
    }

    private void answer(Frame frame) {
        if (phase == Phase.ESTABLISHED && !offer(frame)) {
            owner.counters().droppedFrames.increment();
        }
    }

    @Override
    public void on(Frame.Reply reply) {
        Outbound.Call call = pendingCalls.remove(reply.id());
        if (call != null) { // else it was too late
            call.reply().complete(reply.payload());
        }
    }

    @Override
    public void on(Frame.Failure failure) {
        Outbound.Call call = pendingCalls.remove(failure.id());
        if (call != null) {
            call.fail(TransportException.remote(call.to(), failure));
        }
    }

    @Override
    public void on(Frame.Ping ping) {
        write(new Frame.Pong());
    }

    @Override
    public void on(Frame.Pong pong) {
        // heard() has seen its bytes
    }

    @Override
    public void on(Frame.Goodbye goodbye) {
        orderly = true;
        end(RefusedConnection.CLOSED_BY_PEER, "idle, closed by the peer");
    }

    @Override
    public void on(Frame.Part part) {
        Frame whole = intake.join(part);
        if (whole != null) {
            whole.deliverTo(this);
        } else if (intake.isMessageArriving() && lastFrameNanos - arrivingToldNanos > ARRIVING_PAUSE_NANOS) {
            arrivingToldNanos = lastFrameNanos;
            owner.arriving(peer.id());
        }
    }

    @Override
    public void on(Frame.Taken taken) {
        queue.taken(taken.bytes(), System.nanoTime());
        pump();
    }

    // ---- frames out

    void send(Outbound.OneWay message) {
        Frame frame = new Frame.Message(message.payload());
        if (!(message.lane() == Lane.URGENT ? offerUrgent(frame) : offer(frame))) {
            message.fail(TransportException.busy("the queue to " + this + " is full"));
        }
    }

    void send(Outbound.Call call) {
        if (call.reply().isDone()) {
            return; // timed out while it waited for the connection
        }
        if (call.expected() != null && !call.expected().equals(peer.id())) {
            call.fail(TransportException.wrongPeer(call.to(), call.expected(), peer.id()));
            return;
        }
        long id = ++lastCallId;
        pendingCalls.put(id, call);
        call.reply().whenComplete((reply, error) -> channel.eventLoop().execute(() -> pendingCalls.remove(id)));
        if (!offer(new Frame.Request(id, call.subject(), call.payload()))) {
            call.fail(TransportException.busy("the queue to " + this + " is full"));
        }
    }

    /** False where the queue is full. */
    private boolean offer(Frame frame) {
        if (!queue.add(frame)) {
            return false;
        }
        owe();
        pump();
        return true;
    }

    private boolean offerUrgent(Frame frame) {
        if (!queue.admitsUrgent(frame)) {
            return false;
        }
        owe();
        queue.urgentBegun(frame);
        write(frame).addListener(done -> queue.urgentDone(frame));
        return true;
    }

    private void owe() {
        if (!owed) {
            owed = true;
            owedSinceNanos = System.nanoTime();
        }
    }

    /** Writes what may be under way. */
    private void pump() {
        for (Frame next = phase == Phase.ESTABLISHED ? queue.next() : null; next != null; next = queue.next()) {
            write(next);
        }
    }

    private ChannelFuture write(Frame frame) {
        lastFrameNanos = System.nanoTime();
        queue.sent(frame, lastFrameNanos);
        return channel.writeAndFlush(frame).addListener(done -> {
            if (done.isSuccess()) {
                owner.counters().framesOut.increment();
            } else if (!(done.cause() instanceof ClosedChannelException)) {
                refuse("cannot write: " + done.cause().getMessage());
            }
        });
    }

    // ---- watching the peer

    void heard() {
        owed = false;
        pinged = false;
    }

    void progressed() {
        owedSinceNanos = System.nanoTime();
    }

    /** Called a few times per second. */
    void sweep(long nowNanos, Instant now) {
        if (phase != Phase.ESTABLISHED) {
            return;
        }
        long silentNanos = owed ? nowNanos - owedSinceNanos : 0;
        if (silentNanos > config.silenceTimeout().toNanos()) {
            refuse("silent for " + TimeUnit.NANOSECONDS.toMillis(silentNanos) + " ms");
        } else if (now.isAfter(peer.validUntil())) {
            sayGoodbye("the certificate that it was opened with ended"); // the next connection shows the renewed one
        } else if (nowNanos - lastFrameNanos > config.idleTimeout().toNanos() && pendingCalls.isEmpty() && callsBeingHandled == 0) {
            sayGoodbye("idle");
        } else if (silentNanos > config.silenceTimeout().toNanos() / 3 && !pinged) {
            pinged = true;
            write(new Frame.Ping());
        }
    }

    /** Whether the peer has been silent for a while, though it owes an answer: then a newer connection is the better one. */
    boolean isDoubtful(long nowNanos) {
        return owed && nowNanos - owedSinceNanos > TimeUnit.SECONDS.toNanos(1);
    }

    /** Whether TCP got as far as an open socket. */
    boolean wasOpened() {
        return channel != null;
    }

    boolean isInbound() {
        return dialled == null;
    }

    NodeId peerId() {
        return peer.id();
    }

    /** The address that the peer says it listens on, where it is the one that it really connects from; else null. */
    Endpoint claimedAddress() {
        boolean plausible = channel.remoteAddress() instanceof InetSocketAddress remote
                && Arrays.equals(remote.getAddress().getAddress(), NetUtil.createByteArrayFromIpAddressString(claimed.host()));
        return plausible ? claimed : null;
    }

    @Override
    public String toString() {
        String where = dialled != null ? dialled.toString() : channel == null ? "?" : String.valueOf(channel.remoteAddress());
        return peer == null ? where : "node " + peer.id() + " at " + where;
    }
}
