package dev.starling.scheduler.plan;

import dev.starling.scheduler.filter.NodeLoad;
import dev.starling.scheduler.model.NodeView;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.ServiceSpec;
import java.util.List;

/**
 * What a node asks for a task: 0 to 1000, lower is better. Coarse on purpose: views differ a little all the time, and plans should not
 * differ for it. Tenths of the scarcer resource that would be taken, 50 each, 400 for an image that has to be fetched, and what the node's
 * link, battery and heat add ({@code NodeConditions}).
 */
public final class Price {
    private static final int TENTH = 50;
    private static final int IMAGE_TO_FETCH = 400;
    private static final int HIGHEST = 1_000;

    private Price() {}

    static int of(ServiceSpec service, NodeView node, NodeLoad load, boolean imageAtHand) {
        return of(service, node, load.reserved().nanoCpus(), load.reserved().memoryBytes(), imageAtHand);
    }

    /** @param nanoCpus and {@code memoryBytes}: what others have reserved */
    static int of(ServiceSpec service, NodeView node, long nanoCpus, long memoryBytes, boolean imageAtHand) {
        Resources wanted = service.reservations();
        int tenths = Math.max(tenths(nanoCpus + wanted.nanoCpus(), node.capacity().nanoCpus()),
                tenths(memoryBytes + wanted.memoryBytes(), node.capacity().memoryBytes()));
        return Math.min(HIGHEST, tenths * TENTH + (imageAtHand ? 0 : IMAGE_TO_FETCH) + node.conditions().price());
    }

    private static int tenths(long taken, long capacity) {
        return taken <= 0 ? 0 : capacity <= 0 ? 10 : (int) Math.min(10, (double) taken / capacity * 10);
    }

    public static boolean imageAtHand(String image, NodeView node) {
        return imageAtHand(namesOf(image), node);
    }

    static boolean imageAtHand(List<String> names, NodeView node) {
        for (String name : names) {
            if (node.images().contains(name)) {
                return true;
            }
        }
        return false;
    }

    /** The image as written, with the tag that Docker adds, or by the digest that it was pinned to. */
    static List<String> namesOf(String image) {
        int digest = image.indexOf('@');
        String name = digest < 0 ? image : image.substring(0, digest);
        boolean tagged = name.indexOf(':', name.lastIndexOf('/') + 1) >= 0;
        String withTag = tagged ? name : name + ":latest";
        return digest < 0 ? List.of(image, withTag) : List.of(image, withTag, image.substring(digest + 1));
    }
}
