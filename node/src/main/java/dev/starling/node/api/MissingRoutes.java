package dev.starling.node.api;

import io.vertx.core.http.HttpMethod;

/**
 * The endpoints of Docker that Starling does not have yet: each answers 501 and names what is missing. Lists of what cannot exist yet
 * (plugins) are truly empty, so that commands which only look at them go on.
 */
final class MissingRoutes {
    private static final String MISSING = """
            POST /containers/create = docker run and docker create (use docker service create)
            POST /containers/{id}/start = docker start
            POST /containers/{id}/restart = docker restart
            POST /containers/{id}/rename = docker rename
            POST /containers/{id}/update = docker update
            GET /containers/{id}/changes = docker diff
            GET /containers/{id}/export = docker export
            GET /containers/{id}/archive = docker cp
            HEAD /containers/{id}/archive = docker cp
            PUT /containers/{id}/archive = docker cp
            DELETE /containers/{id} = removing a task's container by hand (scale or remove its service)
            POST /commit = docker commit
            POST /images/{name...}/push = docker push
            GET /images/search = docker search
            POST /build = docker build
            POST /session = docker build (BuildKit)
            POST /grpc = docker build (BuildKit)
            POST /networks/{id}/connect = docker network connect
            POST /networks/{id}/disconnect = docker network disconnect
            PUT /volumes/{name} = docker volume update
            GET /plugins/privileges = docker plugin install
            POST /plugins/pull = docker plugin install
            POST /plugins/create = docker plugin create
            """;

    static void addTo(Endpoints endpoints) {
        for (String line : MISSING.strip().split("\n")) {
            String[] halves = line.split(" = ", 2);
            String[] request = halves[0].split(" ");
            endpoints.stream(HttpMethod.valueOf(request[0]), request[1], context -> {
                throw ApiException.notImplemented(halves[1]);
            });
        }
        endpoints.get("/plugins", call -> Reply.json(Json.array()));
        endpoints.get("/plugins/{name...}/json", call -> {
            throw ApiException.notFound("plugin \"" + call.path("name") + "\" not found");
        });
    }

    private MissingRoutes() {}
}
