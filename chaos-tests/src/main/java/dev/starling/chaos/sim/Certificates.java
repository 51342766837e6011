package dev.starling.chaos.sim;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.Role;
import dev.starling.gossip.desired.DesiredGuard;
import dev.starling.gossip.desired.DesiredObject;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeCore;
import dev.starling.node.spec.NodeSpecReader;

/**
 * Stands in for the certificates, which say what role a node has. What a node writes carries the role that it had then, so a manager's writes stay good when it is
 * demoted. A node whose document gives it another role gets a certificate for that as the product's does: a manager issues its own, a worker asks a manager
 * that it reaches and that knows the same of it; until then it tries again. With the new one its agent begins anew over the same disk.
 */
final class Certificates {
    /** @param roleGeneration of the document that gave the role, as who issued it had that; 0: it is older than the document */
    record Certificate(Role role, long roleGeneration) {
        private static Certificate of(DesiredObject signed) {
            String[] words = signed.certificate().utf8().split(" ");
            return new Certificate(Role.valueOf(words[0]), Long.parseLong(words[1]));
        }

        private Bytes bytes() {
            return Bytes.utf8(role + " " + roleGeneration);
        }
    }

    /** Signs what is written at a node while it has {@code certificate}. */
    static DesiredObject signed(DesiredObject unsigned, Certificate certificate) {
        return new DesiredObject(unsigned.kindCode(), unsigned.uid(), unsigned.created(), unsigned.generation(), unsigned.time(), unsigned.writer(),
                unsigned.deleted(), unsigned.body(), Bytes.EMPTY, certificate.bytes());
    }

    private static final long ISSUE_MILLIS = 200;
    private static final long RETRY_MILLIS = 1_000;

    /** Who was no manager when it wrote, writes no desired state. */
    static final DesiredGuard GUARD = object -> Certificate.of(object).role() == Role.MANAGER ? null : object.writer() + " was no manager when it wrote";

    /** See {@link dev.starling.gossip.trust.CertificateGuard#roleGeneration}. */
    static long roleGeneration(DesiredObject object) {
        return Certificate.of(object).roleGeneration();
    }

    private final Simulation simulation;
    private final SimNode owner;
    /** Of the agent that is asking for a certificate; 0: none is. */
    private long asking;

    Certificates(Simulation simulation, SimNode owner) {
        this.simulation = simulation;
        this.owner = owner;
    }

    /** The owner's agent has started, or its document has changed. */
    void look() {
        if (wanted(owner.core()) != owner.role() && asking != owner.session()) {
            askAfter(ISSUE_MILLIS);
        }
    }

    private void askAfter(long millis) {
        long session = owner.session();
        asking = session;
        simulation.events().after(millis, () -> {
            if (owner.session() == session) {
                asking = 0;
                ask();
            }
        });
    }

    private void ask() {
        Role wanted = wanted(owner.core());
        if (wanted == owner.role()) {
            return;
        }
        SimNode issuer = owner.answers() ? issuer(wanted) : null;
        if (issuer == null) {
            askAfter(RETRY_MILLIS);
        } else {
            owner.become(new Certificate(wanted, document(issuer.core()).object().generation()));
        }
    }

    /** Null where nobody in reach issues that. */
    private SimNode issuer(Role wanted) {
        if (owner.role() == Role.MANAGER) {
            return owner;
        }
        return simulation.nodes().stream().filter(other -> other != owner && other.answers() && other.role() == Role.MANAGER
                && !simulation.network().isCut(owner.id(), other.id()) && !simulation.network().isCut(other.id(), owner.id())
                && wanted(other.core()) == wanted).findFirst().orElse(null);
    }

    /** The role that the owner's document gives it, as {@code core} knows it; the one that it has where it says none, or there is none. */
    private Role wanted(NodeCore core) {
        Document document = document(core);
        Role said = document == null ? null : NodeSpecReader.fromBody(document).role();
        return said == null ? owner.role() : said;
    }

    /** The owner's, as {@code core} knows it; null where there is none. */
    private Document document(NodeCore core) {
        for (Document document : core.documents(Kind.NODE)) {
            if (document.uid().equals(owner.id().value())) {
                return document;
            }
        }
        return null;
    }
}
