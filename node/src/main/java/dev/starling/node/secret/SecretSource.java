package dev.starling.node.secret;

import dev.starling.gossip.Role;
import dev.starling.gossip.member.Member;
import dev.starling.node.core.ClusterSnapshot;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/**
 * Where a node gets the secrets of its tasks: a manager opens them itself; a worker has them from before, or asks the managers that are up, in
 * random order, until one gives it. Tasks that start side by side share one question.
 */
public final class SecretSource {
    private static final int MAX_BYTES = 512 << 10;

    private final SecretDesk desk;
    private final HeldSecrets held;
    private final Supplier<ClusterSnapshot> snapshot;
    private final BiFunction<Member, String, CompletableFuture<byte[]>> ask;
    private final Executor workers;
    private final Map<String, CompletableFuture<byte[]>> asked = new ConcurrentHashMap<>();

    /** @param desk null on a worker; {@code workers} for what touches the disk */
    public SecretSource(SecretDesk desk, HeldSecrets held, Supplier<ClusterSnapshot> snapshot,
            BiFunction<Member, String, CompletableFuture<byte[]>> ask, Executor workers) {
        this.desk = desk;
        this.held = held;
        this.snapshot = snapshot;
        this.ask = ask;
        this.workers = workers;
    }

    /** Fails with the reason, in words for the task's error. Never blocks on the network. */
    public CompletableFuture<byte[]> value(String uid) {
        try {
            if (desk != null) {
                return CompletableFuture.completedFuture(desk.value(uid));
            }
            byte[] known = held.find(uid);
            return known != null ? CompletableFuture.completedFuture(known) : askOnce(uid);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** A worker that has been a manager until now holds nothing yet of what its tasks use; one that lost a file is as badly off. */
    public void hold(Set<String> needed) {
        if (desk == null) {
            needed.stream().filter(uid -> !held.has(uid)).forEach(this::value);
        }
    }

    private CompletableFuture<byte[]> askOnce(String uid) {
        CompletableFuture<byte[]> fresh = new CompletableFuture<>();
        CompletableFuture<byte[]> running = asked.putIfAbsent(uid, fresh);
        if (running != null) {
            return running;
        }
        askManagers(uid).thenApplyAsync(value -> {
            held.put(uid, value);
            return value;
        }, workers).whenComplete((value, failure) -> {
            asked.remove(uid);
            if (failure != null) {
                fresh.completeExceptionally(failure);
            } else {
                fresh.complete(value);
            }
        });
        return fresh;
    }

    private CompletableFuture<byte[]> askManagers(String uid) {
        List<Member> managers = new ArrayList<>(snapshot.get().members().values().stream()
                .filter(member -> member.role() == Role.MANAGER && member.status().isUp()).toList());
        if (managers.isEmpty()) {
            return CompletableFuture.failedFuture(new IllegalStateException("no manager in reach"));
        }
        Collections.shuffle(managers, new SecureRandom());
        return ask(managers, uid);
    }

    private CompletableFuture<byte[]> ask(List<Member> managers, String uid) {
        CompletableFuture<byte[]> first = ask.apply(managers.get(0), uid).thenApply(SecretSource::bounded);
        return managers.size() == 1 ? first : first.exceptionallyCompose(failure -> ask(managers.subList(1, managers.size()), uid));
    }

    private static byte[] bounded(byte[] value) {
        if (value.length > MAX_BYTES) {
            throw new IllegalStateException("the answer has " + value.length + " bytes, a secret has at most " + MAX_BYTES);
        }
        return value;
    }
}
