/** Settings that nobody can set in the `.env` of compose.yaml, and why. */
export const DECIDED_BY_COMPOSE: Readonly<Record<string, string>> = {
  PORT: "the image listens on 80, and REGISTRY_PORT chooses the port outside",
  HOST: "another address could not be reached from outside of the container",
  DATA_DIR: "it is the volume of the image",
  DATABASE_URL: "it is the service postgres",
  ConnectionStrings__DefaultConnection: "it is another name of DATABASE_URL",
  FAILPOINTS: "it is for the registry's own tests",
};
