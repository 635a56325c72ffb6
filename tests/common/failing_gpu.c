/* A Vulkan driver that fails on purpose: another driver (REAL_DRIVER, a path) with faults put in front of it.
 *
 *   LOSE_AFTER=N        from the Nth submission on, the device is lost
 *   MEMORY=BYTES        the card has this much, and allocations beyond are out of device memory
 *
 * Only the few types that are needed are declared, as the Vulkan specification lays them out. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t VkResult;
typedef void (*PFN)(void);
typedef struct { int32_t type; const void *next; uint64_t size; uint32_t kind; } AllocateInfo;

enum { OUT_OF_DEVICE_MEMORY = -2, DEVICE_LOST = -4 };

static PFN (*real_get_instance)(void *, const char *);
static PFN (*real_get_device)(void *, const char *);
static PFN (*real_get_physical)(void *, const char *);
static VkResult (*real_negotiate)(uint32_t *);
static VkResult (*real_submit)(void *, uint32_t, const void *, uint64_t);
static VkResult (*real_allocate)(void *, const AllocateInfo *, const void *, uint64_t *);

static atomic_long submissions, allocated;

static long number(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : -1;
}

static void load(void) {
  if (real_get_instance) return;
  void *driver = dlopen(getenv("REAL_DRIVER"), RTLD_NOW | RTLD_LOCAL);
  if (!driver) abort();
  real_negotiate = (VkResult(*)(uint32_t *))dlsym(driver, "vk_icdNegotiateLoaderICDInterfaceVersion");
  real_get_physical = (PFN(*)(void *, const char *))dlsym(driver, "vk_icdGetPhysicalDeviceProcAddr");
  real_get_instance = (PFN(*)(void *, const char *))dlsym(driver, "vk_icdGetInstanceProcAddr");
}

static VkResult submit(void *queue, uint32_t count, const void *submits, uint64_t fence) {
  long limit = number("LOSE_AFTER");
  if (limit >= 0 && atomic_fetch_add(&submissions, 1) >= limit) return DEVICE_LOST;
  return real_submit(queue, count, submits, fence);
}

static VkResult allocate(void *device, const AllocateInfo *info, const void *callbacks, uint64_t *memory) {
  long limit = number("MEMORY");
  long taken = atomic_fetch_add(&allocated, (long)info->size) + (long)info->size;
  if (limit >= 0 && taken > limit) return OUT_OF_DEVICE_MEMORY;
  return real_allocate(device, info, callbacks, memory);
}

static PFN get_device(void *device, const char *name);

static PFN mine(const char *name) {
  if (!strcmp(name, "vkQueueSubmit")) return (PFN)submit;
  if (!strcmp(name, "vkAllocateMemory")) return (PFN)allocate;
  if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN)get_device;
  return 0;
}

static void learn(const char *name, PFN real) {
  if (!strcmp(name, "vkQueueSubmit")) real_submit = (VkResult(*)(void *, uint32_t, const void *, uint64_t))real;
  if (!strcmp(name, "vkAllocateMemory"))
    real_allocate = (VkResult(*)(void *, const AllocateInfo *, const void *, uint64_t *))real;
  if (!strcmp(name, "vkGetDeviceProcAddr")) real_get_device = (PFN(*)(void *, const char *))real;
}

static PFN get_device(void *device, const char *name) {
  PFN real = real_get_device(device, name), own = mine(name);
  if (real && own) learn(name, real);
  return real && own ? own : real;
}

PFN vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  load();
  PFN real = real_get_instance(instance, name), own = mine(name);
  if (real && own) learn(name, real);
  return real && own ? own : real;
}

PFN vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  load();
  return real_get_physical ? real_get_physical(instance, name) : 0;
}

VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  load();
  return real_negotiate ? real_negotiate(version) : 0;
}
