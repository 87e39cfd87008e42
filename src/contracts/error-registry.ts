/** `never`: the same request fails again. `later`: it may pass after a while. `changed`: after the caller changed something. */
export type Retry = 'never' | 'later' | 'changed';

interface ErrorDefinition {
  readonly status: number;
  readonly retry: Retry;
  /** What it means, one sentence. */
  readonly meaning: string;
  /** What to do about it, one sentence. */
  readonly remedy: string;
}

/** Every error that leaves the system. docs/reference/errors.md is generated from this table. */
export const errorDefinitions = {
  INVALID_REQUEST: {
    status: 400,
    retry: 'changed',
    meaning: 'The request does not have the form that the route expects.',
    remedy: 'Correct the named field; the API documentation at /api/docs shows the form.',
  },
  INVALID_JSON: { status: 400, retry: 'changed', meaning: 'The body is not valid JSON.', remedy: 'Send valid JSON.' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    retry: 'changed',
    meaning: 'The body has a content type that the route does not read.',
    remedy: 'Send the body as application/json.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    retry: 'changed',
    meaning: 'The body is larger than the limit.',
    remedy: 'Send less in one request.',
  },
  UNAUTHENTICATED: {
    status: 401,
    retry: 'changed',
    meaning: 'The request carries no valid session or API key.',
    remedy: 'Open a login link (bigbox login-link) or send an API key (bigbox key create) as a bearer token.',
  },
  FORBIDDEN: {
    status: 403,
    retry: 'never',
    meaning: 'The caller may not do this.',
    remedy: 'Ask the owner of this Bigbox.',
  },
  FORBIDDEN_HOST: {
    status: 403,
    retry: 'changed',
    meaning: 'The Host header names a host that this server does not serve.',
    remedy: 'Call the server by its own address.',
  },
  FORBIDDEN_ORIGIN: {
    status: 403,
    retry: 'changed',
    meaning: 'The request comes from a web page of another origin.',
    remedy: 'Add the origin with --allow-origin if you trust it.',
  },
  LOGIN_TOKEN_INVALID: {
    status: 401,
    retry: 'changed',
    meaning: 'The login token is unknown, used or older than ten minutes.',
    remedy: 'Get a new link with bigbox login-link.',
  },
  NOT_FOUND: {
    status: 404,
    retry: 'never',
    meaning: 'There is nothing at this path.',
    remedy: 'The API documentation at /api/docs lists the routes.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retry: 'changed',
    meaning: 'The path exists, but not with this method.',
    remedy: 'The API documentation at /api/docs lists the methods.',
  },
  LIMIT_EXCEEDED: {
    status: 429,
    retry: 'later',
    meaning: 'A limit on a resource is reached.',
    remedy: 'Wait until earlier work has ended, or raise the named limit.',
  },
  CONFLICT: {
    status: 409,
    retry: 'changed',
    meaning: 'The thing is in a state that does not allow this.',
    remedy: 'Read its present state and try again.',
  },
  NOT_SUPPORTED: {
    status: 501,
    retry: 'never',
    meaning: 'This part is not built in this version.',
    remedy: 'README.md lists what this version does not do yet.',
  },
  INTERNAL: {
    status: 500,
    retry: 'later',
    meaning: 'A fault in Bigbox itself.',
    remedy: 'Look for the request id in bigbox logs and report it.',
  },
  SHUTTING_DOWN: {
    status: 503,
    retry: 'later',
    meaning: 'The server is stopping.',
    remedy: 'Try again when it is back.',
  },

  CONFIG_INVALID: {
    status: 400,
    retry: 'changed',
    meaning: 'The configuration has an unknown key or a wrong value.',
    remedy: 'Correct the named path; docs/reference/configuration.md lists the keys.',
  },
  CONFIG_UNREADABLE: {
    status: 400,
    retry: 'changed',
    meaning: 'The configuration file cannot be read.',
    remedy: 'Check the path and that it is valid JSON.',
  },

  RUN_NOT_FOUND: {
    status: 404,
    retry: 'never',
    meaning: 'There is no run with this id.',
    remedy: 'Look at the list of runs: Runs on the pages, or GET /workflows.',
  },
  RUN_CANCELLED: {
    status: 409,
    retry: 'never',
    meaning: 'The run was cancelled.',
    remedy: 'Start it again if it was cancelled by mistake.',
  },
  RUN_FAILED: {
    status: 500,
    retry: 'later',
    meaning: 'The run could not be finished.',
    remedy: 'Read the cause in the run; start it again.',
  },
  PERSPECTIVE_UNKNOWN: {
    status: 400,
    retry: 'changed',
    meaning: 'The catalogue has no perspective with this name.',
    remedy: 'Use one of the names in the catalogue.',
  },
  DOMAIN_UNKNOWN: {
    status: 400,
    retry: 'changed',
    meaning: 'The catalogue has no domain with this name.',
    remedy: 'Use one of the names in the catalogue.',
  },
  ANSWER_UNUSABLE: {
    status: 502,
    retry: 'later',
    meaning: 'The model answered, but not in the form that was asked for.',
    remedy: 'Try again, or use a larger model.',
  },
  ENGINE_UNAVAILABLE: {
    status: 503,
    retry: 'later',
    meaning: 'The engine that runs workflows does not answer.',
    remedy: 'Look at bigbox status; it is restarted by itself.',
  },

  MODEL_UNREACHABLE: {
    status: 502,
    retry: 'later',
    meaning: 'The model server does not answer.',
    remedy: 'Start it there, or remove llm_base_url to use the built-in model.',
  },
  MODEL_NOT_FOUND: {
    status: 404,
    retry: 'changed',
    meaning: 'The model server does not have this model.',
    remedy: 'Pull it, or choose one that bigbox models list shows.',
  },
  MODEL_BUSY: {
    status: 503,
    retry: 'later',
    meaning: 'The model server has too many requests waiting.',
    remedy: 'Wait until earlier calls have ended.',
  },
  MODEL_FAILED: {
    status: 502,
    retry: 'later',
    meaning: 'The model server broke off or answered with an error.',
    remedy: 'Try again; look at bigbox logs model if it goes on.',
  },
  MODEL_OUTPUT_CUT: {
    status: 502,
    retry: 'later',
    meaning: 'The model used up its room before its answer was complete.',
    remedy: 'Ask for less, or raise the number of output tokens.',
  },
  MODEL_NOT_ALLOWED: {
    status: 403,
    retry: 'never',
    meaning: 'This model address is not configured, and only the owner may name another.',
    remedy: 'Configure the address, or leave llm_base_url out.',
  },
  MODEL_DOWNLOAD_FAILED: {
    status: 502,
    retry: 'later',
    meaning: 'No source delivered the model with the pinned checksum.',
    remedy: 'Check the network, or put the file into the cache by hand.',
  },
  EXECUTION_BLOCKED: {
    status: 403,
    retry: 'changed',
    meaning: 'A rule of this Bigbox does not let the code run.',
    remedy: 'Change the code, or the rule in security_settings.',
  },
  APPROVAL_REJECTED: {
    status: 403,
    retry: 'changed',
    meaning: 'A person did not let the code run.',
    remedy: 'Read the comment, change the code, or ask the person.',
  },
  APPROVAL_EXPIRED: {
    status: 409,
    retry: 'later',
    meaning: 'Nobody decided about the code in time.',
    remedy: 'Try again, and decide with bigbox approvals.',
  },
  DISK_FULL: {
    status: 507,
    retry: 'changed',
    meaning: 'There is not enough free disk space.',
    remedy: 'Free the named amount of space.',
  },
  DISK_LIMIT_EXCEEDED: {
    status: 507,
    retry: 'changed',
    meaning: 'VMs and snapshots take all the disk space that they may.',
    remedy: 'Delete snapshots or VMs that are no longer needed, or raise bigbox.max_disk_mib.',
  },

  VM_NOT_FOUND: {
    status: 404,
    retry: 'never',
    meaning: 'There is no VM with this id.',
    remedy: 'List the VMs with GET /api/vms.',
  },
  PROCESS_NOT_FOUND: {
    status: 404,
    retry: 'never',
    meaning: 'The VM has no process with this id, or it ended so long ago that it is no longer kept.',
    remedy: 'List its processes with GET /api/v1/vms/{id}/processes.',
  },
  PORT_UNREACHABLE: {
    status: 502,
    retry: 'later',
    meaning: 'No program in the VM answers on this port.',
    remedy: 'List its ports with GET /api/v1/vms/{id}/ports, and start the program.',
  },
  LINK_INVALID: {
    status: 403,
    retry: 'never',
    meaning:
      'The link was not made by this server, or for something else; its time is over, or it works once and was used.',
    remedy: 'Make a new one with POST /api/v1/vms/{id}/ports/{port}/link or .../files/links.',
  },
  VM_UNAVAILABLE: {
    status: 503,
    retry: 'later',
    meaning: 'No microVM could be had in time.',
    remedy: 'Look at /health of the VM service for the cause.',
  },
  VM_LOST: {
    status: 502,
    retry: 'later',
    meaning: 'The microVM died while it was working for this request.',
    remedy: 'Send the request again; a new VM is already in its place.',
  },
  VM_BOOT_FAILED: {
    status: 503,
    retry: 'later',
    meaning: 'The microVM did not reach the state where its agent answers.',
    remedy: 'Read the console output named in the error.',
  },
  VM_TEMPLATE_UNKNOWN: {
    status: 400,
    retry: 'changed',
    meaning: 'There is no VM type with this name.',
    remedy: 'Use a VM type that GET /api/vms names.',
  },
  VM_SNAPSHOT_FAILED: {
    status: 500,
    retry: 'later',
    meaning: 'The snapshot could not be taken or loaded.',
    remedy: 'The template is built again; look at bigbox logs vm if it goes on.',
  },
  VM_SNAPSHOT_NOT_FOUND: {
    status: 404,
    retry: 'never',
    meaning: 'There is no snapshot with this id.',
    remedy: 'List the snapshots with GET /api/v1/snapshots.',
  },
  VM_SNAPSHOT_UNUSABLE: {
    status: 409,
    retry: 'never',
    meaning:
      'The snapshot cannot run here: it is damaged, or was made by another version, on another processor or from an image that is gone.',
    remedy: 'Delete it, and make a new one from a VM that runs here.',
  },
  VM_DISK_UNUSABLE: {
    status: 409,
    retry: 'never',
    meaning:
      'The disk of a stopped VM cannot be used here: it is damaged, or belongs to an image or a driver that is gone.',
    remedy: 'Delete the VM; where the image is gone, put it back and start the VM again.',
  },
  VMM_MISSING: {
    status: 503,
    retry: 'changed',
    meaning: 'There is no program on this machine that can run microVMs.',
    remedy: 'Install qemu-system-x86 (bigbox up does it).',
  },
  IMAGE_INVALID: {
    status: 500,
    retry: 'later',
    meaning: 'A VM image does not have the content that its hash names.',
    remedy: 'It is removed; bigbox up builds it again.',
  },
  IMAGE_BUILD_FAILED: {
    status: 500,
    retry: 'later',
    meaning: 'The VM image could not be built.',
    remedy: 'Read the named log; bigbox up starts again where it stopped.',
  },
  GUEST_UNREACHABLE: {
    status: 502,
    retry: 'later',
    meaning: 'The agent inside the microVM does not answer.',
    remedy: 'Send the request again; the VM is replaced.',
  },
  GUEST_FILE_ERROR: {
    status: 400,
    retry: 'changed',
    meaning: 'The file operation inside the microVM failed.',
    remedy: 'Correct the path.',
  },
  ARCHIVE_REFUSED: {
    status: 502,
    retry: 'never',
    meaning:
      'A folder from a VM holds what cannot be put on this machine safely: what leads out of its folder, or is no file, folder or link.',
    remedy: 'Look in the VM at what is named; copy without it, or the files that you need one by one.',
  },

  LANGUAGE_NOT_ALLOWED: {
    status: 400,
    retry: 'changed',
    meaning: 'Code in this language is not run here.',
    remedy: 'Use one of the allowed languages.',
  },
  CODE_TOO_LONG: {
    status: 400,
    retry: 'changed',
    meaning: 'The code is longer than max_code_length.',
    remedy: 'Send shorter code or raise max_code_length.',
  },
  CODE_INVALID: {
    status: 400,
    retry: 'changed',
    meaning: 'The code does not pass validation.',
    remedy: 'Correct the named part.',
  },
  EXECUTION_TIMEOUT: {
    status: 408,
    retry: 'changed',
    meaning: 'The code ran longer than its time limit and was stopped with all its processes.',
    remedy: 'Make it faster or raise timeout_ms.',
  },
  EXECUTION_CANCELLED: {
    status: 409,
    retry: 'never',
    meaning: 'The execution was cancelled.',
    remedy: 'Start it again if it was cancelled by mistake.',
  },

  SETUP_STEP_FAILED: {
    status: 500,
    retry: 'later',
    meaning: 'A step of the set-up failed.',
    remedy: 'Read the named log and run bigbox up again; finished steps are kept.',
  },
  MACHINE_NOT_SUPPORTED: {
    status: 500,
    retry: 'changed',
    meaning: 'This machine lacks something that Bigbox needs.',
    remedy: 'README.md lists what a machine needs.',
  },
  SERVICE_NOT_RUNNING: {
    status: 503,
    retry: 'later',
    meaning: 'Bigbox is not running.',
    remedy: 'Start it with bigbox up.',
  },
  WRONG_USAGE: {
    status: 400,
    retry: 'changed',
    meaning: 'The command line has an unknown command or option, or a wrong value.',
    remedy: 'Add --help to the command to see what it takes.',
  },
  PORT_IN_USE: {
    status: 409,
    retry: 'changed',
    meaning: 'Another program listens on the port.',
    remedy: 'Stop it, or choose another port.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof errorDefinitions;
