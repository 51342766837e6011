package dev.starling.node.api;

import io.netty.channel.Channel;
import java.lang.reflect.Field;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Netty 4.2.18 (and 4.2.19; since its pull request 16689) takes a channel out of its epoll once it waits for no event, and does not note that. It waits for none
 * once the other side has shut its side down and all that was written is out. The next time that the socket is full it wants to hear of room, which the kernel
 * refuses for a channel that it does not know (ENOENT), and Netty shuts the output down and drops all that waits: {@code docker exec} without {@code -i} showed
 * the beginning of a large output, and said that all was well.
 *
 * <p>So before each flush what Netty believes of such a channel is set right: nothing offers that, but the fields of this one version. Where they are not found, {@link #isKnown}
 * says so, a test fails, and whoever has changed Netty's version looks whether it needs this still.
 */
final class LostEpollInterest {
    private static final Logger LOG = LoggerFactory.getLogger(LostEpollInterest.class);
    private static final Fields FIELDS = Fields.find();

    /** Of the channel: what it waits for, and its registration; of that, which is a shell, the one inside; and whether that one is in the epoll. */
    private record Fields(Class<?> channel, Field interest, Object none, Field registration, Field inner, Field state, Object notAdded) {
        static Fields find() {
            try {
                Class<?> channel = Class.forName("io.netty.channel.epoll.AbstractEpollChannel");
                Object none = Class.forName("io.netty.channel.epoll.EpollIoOps").getField("NONE").get(null);
                Field inner = open(Class.forName("io.netty.channel.SingleThreadIoEventLoop$IoRegistrationWrapper"), "registration");
                Field state = open(Class.forName("io.netty.channel.epoll.EpollIoHandler$DefaultEpollIoRegistration"), "state");
                Field notAdded = open(state.getType(), "Pending");
                return new Fields(channel, open(channel, "ops"), none, open(channel, "registration"), inner, state, notAdded.get(null));
            } catch (ReflectiveOperationException | RuntimeException e) {
                LOG.warn("this version of Netty is another one ({}): where it has the old one's fault, long output of docker exec and attach may be cut short", e.toString());
                return null;
            }
        }

        private static Field open(Class<?> owner, String name) throws NoSuchFieldException {
            Field field = owner.getDeclaredField(name);
            field.setAccessible(true);
            return field;
        }
    }

    static boolean isKnown() {
        return FIELDS != null;
    }

    /** On the channel's event loop: if it waits for nothing, the next wait adds it to the epoll anew. */
    static void mend(Channel channel) {
        if (!isKnown() || !FIELDS.channel.isInstance(channel)) {
            return;
        }
        try {
            Object registration = FIELDS.registration.get(channel);
            if (registration != null && FIELDS.none.equals(FIELDS.interest.get(channel))) {
                FIELDS.state.set(FIELDS.inner.get(registration), FIELDS.notAdded);
            }
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private LostEpollInterest() {}
}
