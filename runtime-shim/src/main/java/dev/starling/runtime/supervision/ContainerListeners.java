package dev.starling.runtime.supervision;

import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerChange;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who wants to hear of containers, on the event loop's thread alone. One that fails is no harm to the others. */
final class ContainerListeners {
    private static final Logger LOG = LoggerFactory.getLogger(ContainerListeners.class);

    private final List<Consumer<Container>> ends = new ArrayList<>();
    private final List<Consumer<Container>> healths = new ArrayList<>();
    private final List<Consumer<ContainerChange>> changes = new ArrayList<>();
    /** Ends that came before the first who wants to hear of them. */
    private final List<Container> untold = new ArrayList<>();

    void addForEnds(Consumer<Container> listener) {
        ends.add(listener);
        for (Container ended : untold) {
            tell(listener, ended, ended.id());
        }
        untold.clear();
    }

    void addForHealth(Consumer<Container> listener) {
        healths.add(listener);
    }

    void addForChanges(Consumer<ContainerChange> listener) {
        changes.add(listener);
    }

    void tell(ContainerChange change) {
        Container container = change.container();
        switch (change.kind()) {
            case ENDED -> {
                if (ends.isEmpty()) {
                    untold.add(container);
                }
                for (Consumer<Container> listener : ends) {
                    tell(listener, container, container.id());
                }
            }
            case HEALTH -> {
                for (Consumer<Container> listener : healths) {
                    tell(listener, container, container.id());
                }
            }
            case STARTED, PAUSED, UNPAUSED, REMOVED -> { }
        }
        for (Consumer<ContainerChange> listener : changes) {
            tell(listener, change, container.id());
        }
    }

    private static <T> void tell(Consumer<T> listener, T news, String containerId) {
        try {
            listener.accept(news);
        } catch (RuntimeException e) {
            LOG.error("a listener failed on container {}", containerId, e);
        }
    }
}
