package dev.starling.node.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.runtime.Container;
import dev.starling.runtime.ContainerRuntime;
import dev.starling.runtime.ExecProcess;
import dev.starling.runtime.ExecSpec;
import dev.starling.runtime.RuntimeShimException;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * {@code docker exec}: a process is created, then started over a connection that becomes its streams (HTTP upgrade), and asked for its exit code
 * afterwards.
 */
final class ExecRoutes {
    private static final int MAX_TERMINAL_SIDE = 10_000;
    /** As a shell tells that a program could not be run, and that it was not found. */
    private static final int CANNOT_RUN = 126;
    private static final int NOT_FOUND = 127;

    private final Vertx vertx;
    private final ContainerRuntime runtime;
    private final ContainerRoutes containers;
    private final ExecTable execs = new ExecTable();

    ExecRoutes(Vertx vertx, ContainerRuntime runtime, ContainerRoutes containers) {
        this.vertx = vertx;
        this.runtime = runtime;
        this.containers = containers;
    }

    void addTo(Endpoints endpoints) {
        endpoints.post("/containers/{id}/exec", call -> java.util.concurrent.CompletableFuture.completedFuture(create(call)));
        endpoints.get("/exec/{id}/json", call -> Reply.json(json(execs.find(call.path("id")))));
        endpoints.post("/exec/{id}/resize", call -> java.util.concurrent.CompletableFuture.completedFuture(resize(call)));
        endpoints.stream(HttpMethod.POST, "/exec/{id}/start", context -> start(context, endpoints.call(context)));
    }

    private Reply create(Call call) {
        Container container = containers.find(call.path("id"));
        JsonNode body = call.objectBody();
        if (body.path("Privileged").asBoolean(false)) {
            throw ApiException.notImplemented("docker exec --privileged");
        }
        if (container.state() != Container.State.RUNNING) {
            throw ApiException.conflict("container " + container.id() + " is not running");
        }
        if (container.paused()) {
            throw ApiException.conflict("Container " + container.id() + " is paused, unpause the container before exec");
        }
        List<String> command = texts(body.path("Cmd"), "Cmd");
        if (command.isEmpty()) {
            throw ApiException.badRequest("No exec command specified");
        }
        boolean tty = body.path("Tty").asBoolean(false);
        ExecSpec spec = new ExecSpec(command, texts(body.path("Env"), "Env"), body.path("User").asText(""), body.path("WorkingDir").asText(""), tty,
                body.path("AttachStdin").asBoolean(false), side(body, 0), side(body, 1));
        ExecTable.Entry entry = execs.add(container.id(), spec, body.path("AttachStdout").asBoolean(false), body.path("AttachStderr").asBoolean(false));
        return Reply.created(Json.object().put("Id", entry.id));
    }

    private static List<String> texts(JsonNode list, String name) {
        List<String> texts = new ArrayList<>();
        for (JsonNode entry : list) {
            if (!entry.isTextual()) {
                throw ApiException.badRequest(name + ": expected a list of strings");
            }
            texts.add(entry.textValue());
        }
        return texts;
    }

    /** {@code ConsoleSize} is height and width. */
    private static int side(JsonNode body, int index) {
        return Math.max(0, Math.min(MAX_TERMINAL_SIDE, body.path("ConsoleSize").path(index).asInt(0)));
    }

    static int terminalSide(Call call, String name) {
        return (int) call.integer(name, 0, 0, MAX_TERMINAL_SIDE);
    }

    private Reply resize(Call call) {
        ExecTable.Entry entry = execs.find(call.path("id"));
        int rows = terminalSide(call, "h");
        int columns = terminalSide(call, "w");
        ExecProcess process = execs.process(entry);
        if (process == null) {
            throw ApiException.conflict("exec " + entry.id + " does not run yet");
        }
        process.resize(rows, columns);
        return Reply.OK;
    }

    private void start(RoutingContext context, Call call) {
        ExecTable.Entry entry = execs.find(call.path("id"));
        JsonNode body = call.body();
        boolean detach = body.path("Detach").asBoolean(false);
        if (body.path("Tty").asBoolean(false) != entry.spec.tty() && !detach) {
            throw ApiException.badRequest("exec " + entry.id + " was created " + (entry.spec.tty() ? "with" : "without") + " a terminal");
        }
        if (!detach && context.request().getHeader("Upgrade") == null) {
            throw ApiException.badRequest("attaching to an added process needs an upgraded connection (Upgrade: tcp)");
        }
        execs.begin(entry);
        ExecConnection connection = detach ? null : new ExecConnection(entry.spec.tty(), entry.output, entry.errors, vertx.getOrCreateContext());
        vertx.executeBlocking(() -> run(entry, connection), false).onComplete(
                process -> {
                    if (detach) {
                        Replies.send(context, Reply.OK);
                    } else {
                        upgrade(context, connection, process);
                    }
                },
                error -> {
                    if (detach || !(error instanceof CannotRun)) {
                        Replies.send(context, Replies.of(error));
                    } else {
                        ConnectionUpgrade.upgrade(context.request(), connection.contentType()).onSuccess(socket ->
                                connection.refuse(socket, error.getMessage()));
                    }
                });
    }

    /** Its program cannot be run, which a client that attaches is told on the stream, as Docker does it. */
    private static final class CannotRun extends ApiException {
        private static final long serialVersionUID = 1;

        CannotRun(String message) {
            super(400, message);
        }
    }

    private ExecProcess run(ExecTable.Entry entry, ExecConnection connection) {
        try {
            ExecProcess.Output output = connection == null ? (stream, bytes) -> true : connection;
            ExecProcess process = runtime.exec(entry.containerId, entry.spec, output);
            execs.running(entry, process);
            process.exit().thenAccept(code -> {
                execs.ended(entry, code);
                if (connection != null) {
                    connection.ended();
                }
            });
            if (connection == null) {
                process.closeInput();
            }
            return process;
        } catch (RuntimeShimException e) {
            boolean missing = e.getMessage().contains("not found") || e.getMessage().contains("no such file");
            execs.ended(entry, OptionalInt.of(missing ? NOT_FOUND : CANNOT_RUN));
            throw e.kind() == RuntimeShimException.Kind.INVALID
                    ? new CannotRun("OCI runtime exec failed: exec failed: " + e.getMessage() + ": unknown") : e;
        } catch (RuntimeException | Error e) { // no thread to be had, say: it would count as running for ever
            execs.ended(entry, OptionalInt.of(CANNOT_RUN));
            throw e;
        }
    }

    private static void upgrade(RoutingContext context, ExecConnection connection, ExecProcess process) {
        ConnectionUpgrade.upgrade(context.request(), connection.contentType())
                .onComplete(socket -> connection.attach(socket, process), error -> connection.lost(process));
    }

    private ObjectNode json(ExecTable.Entry entry) {
        ExecTable.State state = execs.state(entry);
        ObjectNode json = Json.object().put("ID", entry.id).put("Running", state.running());
        if (state.exitCode().isPresent()) {
            json.put("ExitCode", state.exitCode().getAsInt());
        } else {
            json.putNull("ExitCode");
        }
        ObjectNode process = json.putObject("ProcessConfig").put("tty", entry.spec.tty()).put("entrypoint", entry.spec.command().get(0))
                .put("privileged", false).put("user", entry.spec.user());
        process.set("arguments", Json.strings(entry.spec.command().subList(1, entry.spec.command().size())));
        return json.put("OpenStdin", entry.spec.input()).put("OpenStderr", entry.errors).put("OpenStdout", entry.output).put("CanRemove", false)
                .put("ContainerID", entry.containerId).put("DetachKeys", "").put("Pid", state.pid());
    }
}
