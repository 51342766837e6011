package dev.starling.node.agent;

import dev.starling.node.api.ApiException;
import dev.starling.node.core.Document;
import dev.starling.node.core.NodeCore;
import dev.starling.node.core.WriteRefusedException;
import dev.starling.scheduler.model.Time;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** Operators' writes: run on the core, acknowledged when they are kept, refused in Docker's words. */
final class Writes {
    /** What was written: uid and generation to wait for, and what to answer. */
    private record Written<T>(T answer, CompletableFuture<Integer> kept) {}

    static CompletableFuture<Document> write(SwarmSession session, BiFunction<NodeCore, Time, Document> write) {
        return run(session, write, document -> document.uid(), document -> document.object().generation());
    }

    static <T> CompletableFuture<T> run(SwarmSession session, BiFunction<NodeCore, Time, T> write, Function<T, String> uid,
            ToLongFunction<T> generation) {
        return session.loop().ask((core, now) -> {
            T written = write.apply(core, now);
            int reachable = (int) core.snapshot().members().values().stream().filter(member -> member.status().isUp()).count();
            return new Written<>(written, session.writes().await(uid.apply(written), generation.applyAsLong(written), reachable));
        }).thenCompose(written -> written.kept().thenApply(copies -> written.answer())).handle((answer, failure) -> {
            if (failure != null) {
                throw refusal(failure);
            }
            return answer;
        });
    }

    static ApiException refusal(Throwable failure) {
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof ApiException known) {
            return known;
        }
        if (cause instanceof WriteRefusedException refused) {
            return new ApiException(switch (refused.reason()) {
                case NOT_A_MANAGER -> 503;
                case NOT_FOUND -> 404;
                case NAME_IN_USE -> 409;
                case OUT_OF_SEQUENCE -> 500; // as Docker does
                case IN_USE, TOO_LARGE -> 400;
            }, "rpc error: code = " + switch (refused.reason()) {
                case NOT_A_MANAGER -> "Unavailable";
                case NOT_FOUND -> "NotFound";
                case NAME_IN_USE -> "AlreadyExists";
                case OUT_OF_SEQUENCE -> "Unknown";
                case IN_USE -> "FailedPrecondition";
                case TOO_LARGE -> "InvalidArgument";
            } + " desc = " + refused.getMessage(), refused);
        }
        if (cause instanceof RejectedExecutionException) {
            return ApiException.unavailable(cause.getMessage());
        }
        if (cause instanceof IllegalArgumentException) {
            return new ApiException(400, cause.getMessage(), cause);
        }
        return new ApiException(500, String.valueOf(cause.getMessage()), cause);
    }

    private Writes() {}
}
