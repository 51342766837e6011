package dev.starling.gossip.atomix;

import dev.starling.gossip.NodeId;
import io.atomix.cluster.BootstrapService;
import io.atomix.cluster.Member;
import io.atomix.cluster.MemberId;
import io.atomix.cluster.discovery.NodeDiscoveryService;
import io.atomix.cluster.protocol.GroupMembershipEvent;
import io.atomix.cluster.protocol.GroupMembershipEventListener;
import io.atomix.cluster.protocol.GroupMembershipProtocol;
import io.atomix.cluster.protocol.GroupMembershipProtocolConfig;
import io.atomix.utils.event.AbstractListenerManager;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Atomix' membership protocol, with no protocol in it: it repeats what the {@link MembershipFeed} says, and sends nothing. */
final class FedMembership extends AbstractListenerManager<GroupMembershipEvent, GroupMembershipEventListener> implements GroupMembershipProtocol {
    private final MembershipFeed feed;
    private final MembershipFeed.Listener listener = this::changed;
    private volatile Member local;

    FedMembership(MembershipFeed feed) {
        this.feed = feed;
    }

    @Override
    public Set<Member> getMembers() {
        Set<Member> members = new LinkedHashSet<>();
        feed.members().forEach(entry -> members.add(member(entry)));
        Member self = local;
        if (self != null && feed.find(new NodeId(self.id().id())).isEmpty()) {
            members.add(self);
        }
        return members;
    }

    @Override
    public Member getMember(MemberId id) {
        Member self = local;
        if (self != null && self.id().equals(id)) {
            return self;
        }
        return feed.find(new NodeId(id.id())).map(this::member).orElse(null);
    }

    @Override
    public CompletableFuture<Void> join(BootstrapService bootstrap, NodeDiscoveryService discovery, Member localMember) {
        local = localMember;
        feed.listen(listener);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Void> leave(Member localMember) {
        feed.stopListening(listener);
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public GroupMembershipProtocolConfig config() {
        return new Config(this);
    }

    private void changed(MembershipFeed.Change change) {
        if (change.before() == null) {
            post(new GroupMembershipEvent(GroupMembershipEvent.Type.MEMBER_ADDED, member(change.now())));
        } else if (change.now() == null) {
            post(new GroupMembershipEvent(GroupMembershipEvent.Type.MEMBER_REMOVED, member(change.before())));
        } else {
            post(new GroupMembershipEvent(GroupMembershipEvent.Type.METADATA_CHANGED, member(change.now())));
        }
    }

    private Member member(MembershipFeed.Entry entry) {
        Member self = local;
        if (self != null && self.id().id().equals(entry.id().value())) {
            return self;
        }
        return new FedMember(entry);
    }

    /** A member from the feed: up and reachable, else it would not be there. */
    private static final class FedMember extends Member {
        FedMember(MembershipFeed.Entry entry) {
            super(MemberId.from(entry.id().value()), Addresses.of(entry.endpoint()), null, null, null, properties(entry));
        }

        private static java.util.Properties properties(MembershipFeed.Entry entry) {
            java.util.Properties properties = new java.util.Properties();
            properties.setProperty("role", entry.role().name());
            return properties;
        }

        @Override
        public boolean isActive() {
            return true;
        }

        @Override
        public boolean isReachable() {
            return true;
        }
    }

    /** How Atomix' configuration is led to the one instance that is there. */
    private static final class Config extends GroupMembershipProtocolConfig {
        private final FedMembership instance;

        Config(FedMembership instance) {
            this.instance = instance;
        }

        @Override
        public GroupMembershipProtocol.Type<Config> getType() {
            return new Type(instance);
        }
    }

    private record Type(FedMembership instance) implements GroupMembershipProtocol.Type<Config> {
        @Override
        public String name() {
            return "starling";
        }

        @Override
        public Config newConfig() {
            return new Config(instance);
        }

        @Override
        public GroupMembershipProtocol newProtocol(Config config) {
            return instance;
        }
    }
}
