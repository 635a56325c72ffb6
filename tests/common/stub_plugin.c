/* A plugin for ONNX Runtime that refuses every version of it, as one does that was made for a newer one. Only the beginnings
 * of ONNX Runtime's tables are declared: their order is part of its interface. */
typedef struct Status Status;
typedef struct { Status *(*create_status)(int code, const char *message); } Api;
typedef struct { const Api *(*get_api)(unsigned version); const char *(*version)(void); } ApiBase;

Status *CreateEpFactories(const char *name, const ApiBase *base, const void *logger, void **factories, unsigned long most,
                          unsigned long *count) {
  (void)name, (void)logger, (void)factories, (void)most;
  *count = 0;
  return base->get_api(1)->create_status(1, "ORT runtime version \"1.32.0\" is below the minimum required version \"9.0.0\"");
}

Status *ReleaseEpFactory(void *factory) {
  (void)factory;
  return 0;
}
