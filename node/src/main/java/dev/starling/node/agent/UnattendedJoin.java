package dev.starling.node.agent;

import dev.starling.node.api.ClusterControl;
import dev.starling.node.config.ConfigException;
import dev.starling.node.config.NodeConfig;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Joins a swarm with the token and addresses of the config, as long as this node is in none: tries each few seconds until a manager lets
 * it in or an operator was faster. So a board that is switched on before its site's uplink works ends in the swarm all the same.
 */
final class UnattendedJoin implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(UnattendedJoin.class);
    private static final long RETRY_SECONDS = 3;

    private final NodeConfig config;
    private final SwarmControl swarm;
    private final ScheduledExecutorService timer;
    private String lastFailure = "";
    private volatile boolean closed;

    UnattendedJoin(NodeConfig config, SwarmControl swarm, ScheduledExecutorService timer) {
        this.config = config;
        this.swarm = swarm;
        this.timer = timer;
    }

    void start() {
        attempt();
    }

    private void attempt() {
        if (closed || swarm.isInSwarm()) {
            return;
        }
        try {
            swarm.join(new ClusterControl.Join("", "", config.joining().joinAddresses().stream().map(Object::toString).toList(),
                    config.joining().readToken(), "active")).whenComplete((done, failure) -> {
                        if (failure != null) {
                            again(failure);
                        }
                    });
        } catch (ConfigException e) {
            again(e);
        }
    }

    private void again(Throwable failure) {
        Throwable cause = failure.getCause() == null ? failure : failure.getCause();
        String message = String.valueOf(cause.getMessage());
        if (!message.equals(lastFailure)) { // once for each reason, not each three seconds
            LOG.warn("not in a swarm yet: {}; tried again every {} s", message, RETRY_SECONDS);
            lastFailure = message;
        }
        if (!closed) {
            timer.schedule(this::attempt, RETRY_SECONDS, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
